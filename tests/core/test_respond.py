"""Responses without a transaction, and answers to what could not be read."""

from __future__ import annotations

import pytest

from proxy.core.respond import malformed, upstream, via_values
from proxy.core.stamp import Stamp
from proxy.sip.errors import ParseError
from proxy.sip.fields import parse_via
from proxy.sip.message import parse
from tests.story import TRUNK, request

STAMP = Stamp(b"k" * 32)


@pytest.mark.parametrize(
    ("via", "to"),
    [
        (b"SIP/2.0/UDP 192.0.2.1", ("192.0.2.1", 5060)),
        (b"SIP/2.0/UDP 192.0.2.1:5070;rport=6000;received=192.0.2.9", ("192.0.2.9", 6000)),
        (b"SIP/2.0/UDP [2001:db8::1]:5070", ("2001:db8::1", 5070)),
        (b"SIP/2.0/UDP pbx.example.cn", None),
    ],
)
def test_upstream(via: bytes, to: tuple[str, int] | None) -> None:
    assert upstream(parse_via(via)) == to


def test_via_values_over_fields_and_commas() -> None:
    data = request("INVITE", via="SIP/2.0/UDP a, SIP/2.0/UDP b", fields=("v: SIP/2.0/UDP c",))

    assert [via.host for via in via_values(parse(data), 3)] == [b"a", b"b", b"c"]
    assert len(via_values(parse(data), 2)) == 2


def fault(data: bytes) -> tuple[bytes, tuple[str, int]] | None:
    with pytest.raises(ParseError) as caught:
        parse(data)
    assert caught.value.message is not None
    return malformed(caught.value.message, caught.value, TRUNK, STAMP)


def test_a_doubled_field_is_echoed_once() -> None:
    answer = fault(request("INVITE", fields=("From: <sip:6@h>",)))

    assert answer is not None
    assert answer[0].startswith(b"SIP/2.0 400 Duplicate From header field\r\n")
    assert (answer[0].count(b"From:"), answer[1]) == (1, TRUNK)


@pytest.mark.parametrize(
    "data",
    [
        request("INVITE", call_id="a\0b"),
        request("INVITE", via="nonsense", fields=("From: <sip:6@h>",)),
        request("INVITE").replace(b"CSeq", b"X"),
    ],
    ids=["control octets in what would be echoed", "no Via to answer to", "no CSeq"],
)
def test_what_cannot_be_answered(data: bytes) -> None:
    assert fault(data) is None
