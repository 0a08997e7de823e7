"""Derived branches, tags and cookies."""

from __future__ import annotations

import pytest

from proxy.core.stamp import Stamp, branch, split_branch
from proxy.sip.message import parse
from proxy.sip.request import Request
from tests.story import request

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
    origin, path = STAMP.of_request(asked, "127.0.0.2"), STAMP.path(asked, [])

    assert split_branch(branch(origin, path)) == (origin, path)
    assert branch(origin, path).startswith(b"z9hG4bK")


@pytest.mark.parametrize(
    "value", [b"", b"z9hG4bK-1", b"z9hG4bK-tw-", b"z9hG4bK-tw-abc.def", b"z9hG4bK-tw-" + b"0" * 25]
)
def test_foreign_branches(value: bytes) -> None:
    assert split_branch(value) == (b"", b"")


def test_path_tells_where_a_request_goes() -> None:
    one, other = (Request(parse(request("INVITE", uri))) for uri in ("sip:1@h", "sip:2@h"))

    assert STAMP.path(one, []) != STAMP.path(other, [])
    assert STAMP.path(one, []) != STAMP.path(one, [b"<sip:a;lr>"])


def test_cookie_is_of_one_dialog() -> None:
    assert (
        len(
            {
                STAMP.cookie(b"a", b"b"),
                STAMP.cookie(b"a", b"c"),
                STAMP.cookie(b"b", b"b"),
                STAMP.cookie(b"ab", b""),
            }
        )
        == 4
    )
