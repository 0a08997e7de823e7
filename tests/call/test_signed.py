"""What a call says for its signed identity: Identity values, Date, and whom a token has to name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from proxy.call.extract import extract
from proxy.call.signed import MOST, date_of, identifier, identities_of, orig_of, signed_call
from proxy.sip.message import parse
from proxy.sip.request import Request
from stirshaken.numbers import Identifier
from tests.checks.calls import call, trunk
from tests.story import request

OURS = "<sip:02488880001@h>;tag=a"
PAI = "P-Asserted-Identity: <sip:+862488880002@h>"
DIVERTED = "Diversion: <sip:+862488880009@h>"
ACCESS, ASSERTED = trunk(), trunk(screening="asserted")


def tn(digits: str) -> Identifier:
    return Identifier("tn", digits)


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        pytest.param((), (), id="none"),
        pytest.param(("Identity: a;info=<https://x>", "y: b"), (b"a;info=<https://x>", b"b"), id="lines-and-compact-name"),
        pytest.param(('IDENTITY: a, b;p="," ,c',), (b"a", b'b;p=","', b"c"), id="one-line"),
        pytest.param(("Identity: a;info=\r\n <https://x>",), (b"a;info= <https://x>",), id="folded"),
        pytest.param(("Identity: a, ,b", "Identity: c"), (b"a, ,b", b"c"), id="no-list-is-one-value"),
        pytest.param(("Identity:",), (b"",), id="empty"),
    ],
)  # fmt: skip
def test_identity_values(fields: tuple[str, ...], values: tuple[bytes, ...]) -> None:
    assert identities_of(parse(request("INVITE", fields=fields))) == values


@pytest.mark.parametrize("fields", [("Identity: " + "a," * 4000 + "a",), ("Identity: a",) * 100])
def test_values_are_bounded_and_one_too_many_can_be_told(fields: tuple[str, ...]) -> None:
    assert identities_of(parse(request("INVITE", fields=fields))) == (b"a",) * MOST


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("Wed, 25 Nov 2026 12:00:00 GMT", 1795608000.0),
        ("  Wed, 25 Nov 2026 12:00:00 GMT", 1795608000.0),
        ("Wed, 25 Nov 2026 12:00:00 CET", None),
        ("1795608000", None),
        ("", None),
    ],
)
def test_date(date: str, moment: float | None) -> None:
    assert date_of(parse(request("INVITE", fields=(f"Date: {date}",)))) == moment
    assert call(f"Date: {date}").date == moment


@pytest.mark.parametrize(
    ("on", "fields", "caller", "orig"),
    [
        pytest.param(ACCESS, (), OURS, tn("862488880001"), id="from"),
        pytest.param(ACCESS, (PAI,), OURS, tn("862488880002"), id="asserted"),
        pytest.param(ACCESS, ("P-Preferred-Identity: <sip:+862488880003@h>",), OURS, tn("862488880001"), id="preferred-is-a-wish"),
        pytest.param(ACCESS, ("P-Asserted-Identity: <sip:alice@h>", PAI), OURS, tn("862488880002"), id="first-that-is-a-number"),
        pytest.param(ACCESS, (PAI, DIVERTED), OURS, tn("862488880002"), id="strict-trunk-diverts"),
        pytest.param(ASSERTED, (PAI,), OURS, tn("862488880002"), id="asserted-trunk"),
        pytest.param(ASSERTED, (PAI, DIVERTED), OURS, tn("862488880001"), id="asserted-trunk-diverts"),
        pytest.param(ASSERTED, (PAI, DIVERTED), "<sip:anonymous@anonymous.invalid>;tag=a", tn("862488880002"), id="asserted-trunk-diverts-a-hidden-caller"),
        pytest.param(trunk(role="peer", screening="asserted"), (PAI, DIVERTED), OURS, tn("862488880002"), id="peer-diverts"),
        pytest.param(ACCESS, (), "<sip:anonymous@Anonymous.invalid>;tag=a", Identifier("uri", "sip:anonymous@anonymous.invalid"), id="hidden"),
        pytest.param(ACCESS, (), '"x" <sip:alice@h;user=ip>;tag=a', Identifier("uri", "sip:alice@h"), id="name"),
        pytest.param(ACCESS, (), "<sip:h>;tag=a", Identifier("uri", "sip:h"), id="host"),
        pytest.param(ACCESS, (), "<sip:95\uff158@h>;tag=a", Identifier("uri", "<sip:95\uff158@h>;tag=a"), id="no-uri-at-all"),
    ],
)  # fmt: skip
def test_who_calls(on: Any, fields: tuple[str, ...], caller: str, orig: Identifier) -> None:
    assert orig_of(call(*fields, caller=caller, on=on)) == orig


def test_who_calls_where_nobody_is_named() -> None:
    assert orig_of(replace(call(), claims=())) == Identifier("uri", "")


def test_what_tokens_are_held_against() -> None:
    asked = call("Date: Wed, 25 Nov 2026 12:00:00 GMT", to="sip:13800138000@h")
    found = signed_call(asked, ["+862488880009"])
    assert (found.orig, found.date) == (tn("862488880001"), 1795608000.0)
    assert found.dest == (tn("8613800138000"), tn("862488880009"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+8613800138000", tn("8613800138000")),
        ("110", tn("110")),
        ("*21#", tn("*21#")),
        ("alice", Identifier("uri", "alice")),
        ("urn:service:sos", Identifier("uri", "urn:service:sos")),
        ("+86１３８", Identifier("uri", "+86１３８")),
        ("", Identifier("uri", "")),
    ],
)
def test_identifier(text: str, expected: Identifier) -> None:
    assert identifier(text) == expected


def test_keys_of_media_are_looked_for_only_where_a_token_may_name_them() -> None:
    body = b"v=0\r\na=FingerPrint:sha-256 AB:CD\r\n"
    sdp = ("Content-Type: application/sdp",)

    def keys(*fields: str, media: bool) -> tuple[tuple[str, str], ...]:
        asked = Request(parse(request("INVITE", fields=(*sdp, *fields), body=body)))
        return extract(asked, ACCESS, "", "", "", False, media=media).fingerprints

    assert keys(media=True) == keys("Identity: x", media=False) == (("sha-256", "ABCD"),)
    assert keys(media=False) == ()
