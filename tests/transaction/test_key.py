"""Matching messages to transactions (RFC 3261 §17.1.3, §17.2.3)."""

from __future__ import annotations

import pytest

from proxy.sip.message import parse
from proxy.sip.request import Request
from proxy.transaction.key import client_key, server_key
from tests.story import request


def key(method: str = "INVITE", host: str = "127.0.0.2", **changes: object) -> tuple[bytes, ...]:
    return server_key(Request(parse(request(method, **changes))), host)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["ACK", "CANCEL"])
@pytest.mark.parametrize("via", ["SIP/2.0/UDP h;branch=z9hG4bK-1", "SIP/2.0/UDP h;branch=old", "SIP/2.0/UDP h"])
def test_ack_and_cancel_meet_their_invite(method: str, via: str) -> None:
    assert key(method, via=via) == key(via=via)


@pytest.mark.parametrize(
    "changes",
    [
        {"via": "SIP/2.0/UDP h;branch=z9hG4bK-2"},
        {"via": "SIP/2.0/UDP i;branch=z9hG4bK-1"},
        {"via": "SIP/2.0/UDP h:5070;branch=z9hG4bK-1"},
        {"method": "BYE", "via": "SIP/2.0/UDP h;branch=z9hG4bK-1"},
        {"host": "127.0.0.3", "via": "SIP/2.0/UDP h;branch=z9hG4bK-1"},
    ],
)
def test_what_tells_transactions_apart(changes: dict[str, object]) -> None:
    assert key(**changes) != key(via="SIP/2.0/UDP h;branch=z9hG4bK-1")  # type: ignore[arg-type]


@pytest.mark.parametrize("branch", ["", ";branch=old", ";branch=z9hG4bK"])
@pytest.mark.parametrize(
    "changes", [{"call_id": "other"}, {"cseq": 2}, {"uri": "sip:other@h"}, {"caller": "<sip:a@h>;tag=other"}]
)
def test_rfc_2543_matching(branch: str, changes: dict[str, object]) -> None:
    """Without a usable branch the other fields tell (RFC 4475 §3.2.1: the magic cookie alone is none)."""
    via = f"SIP/2.0/UDP h{branch}"

    assert key(via=via) == key(via=via)
    assert key(via=via, **changes) != key(via=via)


def test_client_key() -> None:
    assert client_key(b"b", b"INVITE") != client_key(b"b", b"CANCEL")
