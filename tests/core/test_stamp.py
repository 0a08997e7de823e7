"""Derived branches, tags and cookies."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from proxy.core.stamp import Stamp, branch, branch_of, kept_in, own_branch, split_branch
from proxy.sip.message import parse
from proxy.sip.request import Request
from tests.story import TODAY, request

STAMP = Stamp(b"k" * 32)
FACTS = (b"z9hG4bK-1", b"10.0.0.1", 5060, b"10.0.0.1", b"call", b"tag", 1)


def test_same_request_same_branch_whatever_its_method() -> None:
    """CANCEL and the ACK of a failure carry the branch of their INVITE (RFC 3261 §9.1, §17.1.1.3)."""
    invite, cancel = (Request(parse(request(method))) for method in ("INVITE", "CANCEL"))

    assert STAMP.of_request(invite, "127.0.0.2") == STAMP.of_request(cancel, "127.0.0.2")
    assert STAMP.of_request(invite, "127.0.0.2") == Stamp(b"k" * 32).of_request(invite, "127.0.0.2")


@pytest.mark.parametrize("index", range(len(FACTS)))
def test_every_fact_and_the_key_count(index: int) -> None:
    changed = list(FACTS)
    changed[index] = 2 if isinstance(changed[index], int) else b"other"

    assert STAMP.origin(*FACTS) != STAMP.origin(*changed)  # type: ignore[arg-type]
    assert STAMP.origin(*FACTS) != Stamp(b"x" * 32).origin(*FACTS)


def test_branch_can_be_taken_apart() -> None:
    asked = Request(parse(request("INVITE")))
    origin, path = STAMP.of_request(asked, "127.0.0.2"), STAMP.path(asked, [], "10.0.0.1")

    assert split_branch(branch(origin, path, b"01234567")) == (origin, path)
    assert branch(origin, path, b"01234567").startswith(b"z9hG4bK")
    assert branch(origin, path, b"01234567") != branch(origin, path, b"89abcdef")


@pytest.mark.parametrize(
    "value", [b"", b"z9hG4bK-1", b"z9hG4bK-tw-", b"z9hG4bK-tw-abc.def", b"z9hG4bK-tw-" + b"0" * 25]
)
def test_foreign_branches(value: bytes) -> None:
    assert split_branch(value) == (b"", b"")


def test_path_tells_where_a_request_goes() -> None:
    one, other = (Request(parse(request("INVITE", uri))) for uri in ("sip:1@h", "sip:2@h"))

    path = STAMP.path(one, [], "10.0.0.1")
    assert path != STAMP.path(other, [], "10.0.0.1")
    assert path != STAMP.path(one, [b"<sip:a;lr>"], "10.0.0.1")
    assert path != STAMP.path(one, [], "10.0.0.2")


LEG = b"0123456789abcdef"
COOKIE = STAMP.cookie(LEG, b"call", b"a", TODAY)


@pytest.mark.parametrize(
    ("cookie", "call_id", "tags", "today", "leg"),
    [
        pytest.param(COOKIE, b"call", (b"a", b"b"), TODAY, LEG, id="caller"),
        pytest.param(COOKIE, b"call", (b"b", b"a"), TODAY, LEG, id="callee"),
        pytest.param(COOKIE, b"call", (b"a", b"b"), TODAY + timedelta(2), LEG, id="two days later"),
        pytest.param(COOKIE, b"call", (b"a", b"b"), TODAY + timedelta(3), b"", id="too old"),
        pytest.param(COOKIE, b"call", (b"a", b"b"), TODAY - timedelta(1), b"", id="of tomorrow"),
        pytest.param(COOKIE, b"other", (b"a", b"b"), TODAY, b"", id="of another call"),
        pytest.param(COOKIE, b"call", (b"c", b"b"), TODAY, b"", id="of another tag"),
        pytest.param(COOKIE[:-1] + b"g", b"call", (b"a", b"b"), TODAY, b"", id="no hexadecimal"),
        pytest.param(COOKIE[:-2] + b"00", b"call", (b"a", b"b"), TODAY, b"", id="changed"),
        pytest.param(b"f" * len(COOKIE), b"call", (b"a", b"b"), TODAY, b"", id="a day that is none"),
        pytest.param(COOKIE[1:], b"call", (b"a", b"b"), TODAY, b"", id="short"),
        pytest.param(b"", b"call", (b"a", b"b"), TODAY, b"", id="empty"),
    ],
)
def test_leg_of_a_cookie(cookie: bytes, call_id: bytes, tags: tuple[bytes, bytes], today: date, leg: bytes) -> None:
    assert STAMP.leg(cookie, call_id, tags, today) == leg


def test_cookie_needs_the_key() -> None:
    assert Stamp(b"x" * 32).leg(COOKIE, b"call", (b"a", b"b"), TODAY) == b""


def test_own_branch_of_an_answer() -> None:
    mine = branch(b"0123456789abcdef", b"01234567", b"89abcdef")
    for more in (b";rport\r\n", b"\r\n", b", SIP/2.0/UDP x;branch=z9hG4bK-1\r\n", b""):
        assert own_branch(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=" + mine + more) == mine
    assert own_branch(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK-1\r\n") == b""
    assert own_branch(b"SIP/2.0 200 OK\r\n" + b"x" * 1024 + b";branch=" + mine) == b""


def test_branch_of_what_was_sent() -> None:
    assert branch_of(b"INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK-tw-1;rport\r\n") == b"z9hG4bK-tw-1"
    assert branch_of(b"INVITE sip:x SIP/2.0\r\n") == b""


KEPT = STAMP.cookie(LEG, b"call", b"a", TODAY, b"+862488880000 sip:1@h")


def test_a_cookie_carries_what_it_is_proof_of() -> None:
    assert (kept_in(KEPT), kept_in(COOKIE), kept_in(b""), kept_in(COOKIE + b"zz")) == (
        b"+862488880000 sip:1@h",
        b"",
        b"",
        b"",
    )
    assert STAMP.leg(KEPT, b"call", (b"b", b"a"), TODAY) == LEG
    assert (STAMP.made_for(KEPT, b"call", b"a"), STAMP.made_for(KEPT, b"call", b"b")) == (True, False)
    for forged in (KEPT[:-2], KEPT[:-1] + b"9", COOKIE + KEPT[len(COOKIE) :], KEPT + b"00"):
        assert STAMP.leg(forged, b"call", (b"b", b"a"), TODAY) == b""
