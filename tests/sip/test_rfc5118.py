"""RFC 5118: SIP torture messages for IPv6, in our own words."""

from __future__ import annotations

import pytest

from proxy.core.place import Listener, Place
from proxy.core.respond import upstream
from proxy.sip.errors import ParseError
from proxy.sip.fields import parse_name_addr, parse_via
from proxy.sip.message import parse
from proxy.sip.request import Request
from proxy.sip.uri import parse_uri
from tests.story import request


def test_4_1_valid_reference_in_request_uri_and_via() -> None:
    asked = Request(
        parse(request("REGISTER", "sip:[2001:db8::10]", via="SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111"))
    )

    assert (asked.uri.host_text, asked.uri.port, asked.via.host) == ("2001:db8::10", 0, b"[2001:db8::9:1]")


def test_4_2_reference_without_brackets_is_refused() -> None:
    with pytest.raises(ParseError) as caught:
        parse_uri(b"sip:2001:db8::10")
    assert caught.value.status == 400


def test_4_3_4_4_port_is_what_follows_the_brackets() -> None:
    """[2001:db8::10:5070] is one address, [2001:db8::10]:5070 an address and a port."""
    ambiguous, plain = parse_uri(b"sip:[2001:db8::10:5070]"), parse_uri(b"sip:[2001:db8::10]:5070")

    assert (ambiguous.host_text, ambiguous.port) == ("2001:db8::10:5070", 0)
    assert (plain.host_text, plain.port) == ("2001:db8::10", 5070)


@pytest.mark.parametrize(
    "received", ["[2001:db8::9:255]", "2001:db8::9:255"], ids=["with brackets", "as the grammar has it"]
)
def test_4_5_received_parameter(received: str) -> None:
    via = parse_via(f"SIP/2.0/UDP [2001:db8::9:1];received={received};branch=z9hG4bKas3-111".encode())

    assert upstream(via) == ("2001:db8::9:255", 5060)


def test_4_6_to_4_8_via_and_sdp_of_other_families_are_copied() -> None:
    fields = ("Via: SIP/2.0/TCP [2001:db8::9:1]:5060;branch=x", "Via: SIP/2.0/UDP 192.0.2.16;branch=y")
    message = parse(request("BYE", fields=fields, body=b"c=IN IP6 2001:db8::20\r\n"))

    assert [line for line in message.lines if b"192.0.2.16" in line]
    assert message.body == b"c=IN IP6 2001:db8::20\r\n"


def test_4_9_several_addresses_in_sdp_are_nothing_to_a_proxy() -> None:
    body = b"v=0\r\nc=IN IP6 2001:db8::20\r\nm=audio 6000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n"

    assert parse(request("INVITE", body=body)).body == body


@pytest.mark.parametrize("host", ["[::ffff:192.0.2.2]", "[::FFFF:192.0.2.2]"])
def test_4_10_mapped_addresses(host: str) -> None:
    assert parse_name_addr(f"<sip:user@{host}>".encode(), "Contact").uri == f"sip:user@{host}".encode()
    assert parse_uri(f"sip:user@{host}".encode()).host == host.encode()


def test_own_address_in_any_case() -> None:
    place = Place([Listener(0, "six", "2001:db8::AB", 5060, ("2001:db8::ab", 5060))])

    assert place.own(parse_uri(b"sip:[2001:DB8::ab]")) == 0
