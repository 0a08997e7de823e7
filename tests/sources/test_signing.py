"""The authentication service: what calls are signed with."""

from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate

import pytest

from proxy.call.model import Call
from proxy.call.signed import orig_of
from proxy.sources.signing import SKEW, Authentication
from stirshaken import identity, passport
from stirshaken.claims import SignedCall
from stirshaken.sign import Signer
from stirshaken.verify import verify
from tests.checks.calls import call, trunk
from tests.checks.signed import FROM
from tests.checks.signed import signed as signed_
from tests.sources.identity import Clock
from tests.stirshaken.scene import CALLED, CALLER, CERTIFICATES, GOOD, NOW, X5U, div, party

OURS = "<sip:02488880001@h>;tag=a"
HIDDEN = "<sip:anonymous@anonymous.invalid>;tag=a"
PAI = "P-Asserted-Identity: <sip:+862488880002@h>"
PPI = "P-Preferred-Identity: <sip:+862488880003@h>"


def service(now: float = NOW + 0.9, max_age: float = 60.0, scope: str = "709J") -> Authentication:
    return Authentication(Signer(party().holder.key, X5U), scope, Clock(now), max_age)


def read(fields: tuple[tuple[str, str], ...]) -> passport.Passport:
    return passport.decode(identity.parse(dict(fields)["Identity"].encode()).token)


def at(seconds: float) -> str:
    return f"Date: {formatdate(int(seconds), usegmt=True)}"


@pytest.mark.parametrize(
    ("asked", "orig"),
    [
        pytest.param(call(), "862488880001", id="from"),
        pytest.param(call(PAI), "862488880002", id="asserted"),
        pytest.param(call(PAI, caller=HIDDEN), "862488880002", id="hidden-and-asserted"),
        pytest.param(call(PPI), "862488880001", id="preferred-is-not-what-verifiers-look-at"),
        pytest.param(call(PPI, caller=HIDDEN), "862488880003", id="hidden-and-preferred"),
        pytest.param(call("Remote-Party-ID: <sip:+862488880003@h>"), "862488880001", id="remote-party"),
        pytest.param(call(PAI, "Diversion: <sip:+862488880009@h>", on=trunk(screening="asserted")), "862488880002", id="diverted-without-a-token"),
    ],
)  # fmt: skip
def test_who_is_signed(asked: Call, orig: str) -> None:
    fields, attested = service().fields(asked, "A")
    token = read(fields)
    assert (token.orig.value, [each.value for each in token.dest], attested) == (orig, ["8613800138000"], "A")
    assert (token.claims["attest"], token.iat, token.x5u) == ("A", NOW, X5U)
    assert dict(fields)["Date"] == formatdate(NOW, usegmt=True)


@pytest.mark.parametrize("level", ["A", "B", "C"])
def test_what_is_signed_is_verified(level: str) -> None:
    asked = signed_()
    fields, attested = service().fields(asked, level)
    found = verify(SignedCall(orig_of(asked), (CALLED,), NOW), [dict(fields)["Identity"].encode()], CERTIFICATES, NOW)
    assert (found.result, found.identities[0].claims["attest"], attested) == ("passed", level, level)


@pytest.mark.parametrize(
    ("fields", "values", "kept"),
    [
        pytest.param((), (), False, id="none"),
        pytest.param((at(NOW),), (), True, id="right"),
        pytest.param((at(NOW - SKEW + 1),), (), True, id="nearly-right"),
        pytest.param((at(NOW - SKEW - 2),), (), False, id="slow-clock"),
        pytest.param((at(NOW + SKEW + 2),), (), False, id="fast-clock"),
        pytest.param(("Date: tomorrow",), (), False, id="no-date"),
        pytest.param((at(NOW - 50),), (b"x",), True, id="tokens-were-made-for-it"),
        pytest.param((at(NOW - 70),), (b"x",), False, id="too-old-for-tokens"),
    ],
)
def test_date(fields: tuple[str, ...], values: tuple[bytes, ...], kept: bool) -> None:
    made, _ = service().fields(signed_(*values, fields=fields), "A")
    assert [name for name, _ in made] == (["Identity"] if kept else ["Date", "Identity"])
    assert read(made).iat == NOW  # a customer's clock makes no token stale


@pytest.mark.parametrize("called", ["alice", "", "+86138００", "a\r\nX: y"])
def test_what_no_verifier_would_accept_is_not_signed(called: str) -> None:
    assert service().fields(replace(call(), called=called), "A") == ((), "")


@pytest.mark.parametrize("called", ["+8613800138000", "*21#", "110", "urn:service:sos"])
def test_what_can_be_called_can_be_signed(called: str) -> None:
    fields, _ = service().fields(replace(call(), called=called), "A")
    assert all(value.isascii() and value.isprintable() for _, value in fields)


def test_origid_is_the_same_everywhere_and_another_for_each() -> None:
    one, two, other = service(), service(), service(scope="1234")
    assert one.origid("acme-1") == two.origid("acme-1") == str(read(one.fields(call(), "A")[0]).claims["origid"])
    assert len({one.origid("acme-1"), one.origid("acme-2"), other.origid("acme-1")}) == 3
    assert "acme" not in one.origid("acme-1")


ASSERTED = trunk(screening="asserted")
WAY = ("P-Asserted-Identity: <tel:+862488880001>", f"Diversion: <sip:+{CALLED.value}@h>")
NEXT = "sip:+12155551299@h"


def test_a_diversion_of_a_signed_call_is_signed_as_one() -> None:
    """RFC 8946 §4.1: who calls is not ours; the token that came stays, and div says who diverts."""
    asked = signed_(b"x", div(CALLED, CALLED), GOOD, fields=WAY, on=ASSERTED, to=NEXT)
    fields, attested = service().fields(asked, "A", [f"+{CALLED.value}"])
    token = read(fields)
    assert (token.ppt, token.orig, token.claims["div"], attested) == ("div", CALLER, {"tn": CALLED.value}, "")
    values = [*asked.identities, dict(fields)["Identity"].encode()]
    there = SignedCall(CALLER, (token.dest[0],))
    assert verify(there, values, CERTIFICATES, NOW).result == "passed"
    assert verify(there, asked.identities, CERTIFICATES, NOW).result == "failed"


@pytest.mark.parametrize(
    ("values", "caller", "diverting"),
    [
        pytest.param((GOOD,), FROM, (), id="not-ours-to-divert"),
        pytest.param((GOOD,), FROM, ("+862488880009",), id="token-is-for-somebody-else"),
        pytest.param((GOOD,), "<sip:10086@h>;tag=a", (f"+{CALLED.value}",), id="token-is-of-another-caller"),
        pytest.param((b"x", b"..abc;info=<https://x>", div(CALLED, CALLED)), FROM, (f"+{CALLED.value}",), id="no-token-to-follow"),
        pytest.param((), FROM, (f"+{CALLED.value}",), id="no-token"),
    ],
)  # fmt: skip
def test_any_other_call_is_signed_anew(values: tuple[bytes, ...], caller: str, diverting: tuple[str, ...]) -> None:
    asked = signed_(*values, fields=WAY, caller=caller, on=ASSERTED, to=NEXT)
    fields, attested = service().fields(asked, "B", diverting)
    assert (read(fields).ppt, read(fields).orig.value, attested) == ("shaken", "862488880001", "B")
