"""`sipmessage`, another reader of SIP, finds the same values in what both accept."""

from __future__ import annotations

from pathlib import Path

import pytest
import sipmessage

from proxy.sip.errors import ParseError
from proxy.sip.fields import parse_name_addr, parse_via, split_values
from proxy.sip.message import CALL_ID, FROM, TO, VIA, parse
from proxy.sip.request import Request
from proxy.sip.uri import unescape
from tests.story import SDP, request

OWN = {
    "plain": request("INVITE", body=SDP),
    "parameters": request(
        "BYE",
        via="SIP/2.0/UDP h:5070;branch=z9hG4bK1;rport",
        to="<sip:b@h;user=phone>;tag=2",
        caller='"A, B" <sip:a@h>;tag=1',
    ),
    "two Via": request("BYE", via="SIP/2.0/UDP h;branch=z9hG4bK1, SIP/2.0/UDP i;branch=z9hG4bK2"),
    "IPv6": request("OPTIONS", "sip:a@[2001:db8::1]:5070"),
}


def compare(data: bytes) -> bool:
    """Compare both readings; False where either refuses the message."""
    try:
        ours = parse(data)
        request_view = Request(ours)
        theirs = sipmessage.Message.parse(data)
        vias = theirs.via
        addresses = {FROM: theirs.from_address, TO: theirs.to_address}
        cseq, call_id = theirs.cseq, theirs.call_id
    except (ParseError, ValueError):
        return False
    assert isinstance(theirs, sipmessage.Request)
    assert theirs.method.encode() == ours.method
    hosts = [parse_via(item).host.decode() for value in ours.values(VIA) for item in split_values(value)]
    mixed = (
        len(
            {
                line.partition(b":")[0].strip().lower()
                for known, line in zip(ours.names, ours.lines, strict=True)
                if known == VIA
            }
        )
        > 1
    )
    assert mixed or [str(via.host) for via in vias] == hosts  # sipmessage keeps "v" and "Via" apart
    branch = request_view.via.branch
    assert (vias[0].parameters.get("branch") or "").encode() == branch or b"%" in branch  # which it unescapes
    assert (cseq.sequence, cseq.method.encode()) == (request_view.cseq, ours.method)
    assert call_id.encode() == ours.value(CALL_ID)
    for field, address in addresses.items():
        mine = parse_name_addr(ours.value(field), "X")
        assert (address.parameters.get("tag") or "").encode() == mine.tag
        assert unescape(str(address.uri).encode().lower()) == unescape(mine.uri.lower())
    # without Content-Length, or with less of it, sipmessage takes what is left of the datagram, or nothing
    assert theirs.body == ours.body or b"Content-Length" not in data or ours.body != data.partition(b"\r\n\r\n")[2]
    return True


@pytest.mark.parametrize("name", OWN)
def test_own_messages(name: str) -> None:
    assert compare(OWN[name])


# Accepted by both, and read alike. The others are refused by one of the two: sipmessage takes neither
# odd white space nor schemes other than sip, sips and tel.
BOTH = {"esc01.dat", "lwsdisp.dat", "longreq.dat", "sdp01.dat", "zeromf.dat"}


def test_torture_messages(vectors: Path) -> None:
    read = {
        path.name
        for path in (vectors / "rfc4475").glob("*.dat")
        if not path.read_bytes().startswith(b"SIP/") and compare(path.read_bytes())
    }

    assert read >= BOTH
