"""RFC 4475: what is made of each of the 49 torture messages. The octets are read from the shared vectors."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.sip.errors import ParseError
from proxy.sip.message import parse
from proxy.sip.request import Request
from proxy.sip.response import read_response

OK = "ok"
# file → what reading it gives: OK, or the kind and status of the fault (status 0: dropped, never answered)
VERDICTS: dict[str, str | tuple[str, int]] = {
    # §3.1.1 valid messages
    "wsinv.dat": OK,
    "intmeth.dat": OK,
    "esc01.dat": OK,
    "escnull.dat": OK,
    "esc02.dat": OK,
    "lwsdisp.dat": OK,
    "longreq.dat": OK,
    "dblreq.dat": OK,
    "semiuri.dat": OK,
    "transports.dat": OK,
    "mpart01.dat": OK,
    "unreason.dat": OK,
    "noreason.dat": OK,
    # §3.1.2 invalid messages
    "badinv01.dat": ("via", 400),
    "clerr.dat": ("content_length", 400),
    "ncl.dat": ("content_length", 400),
    "scalar02.dat": ("cseq", 400),
    "scalarlg.dat": ("cseq", 0),
    "quotbal.dat": ("address", 400),
    "ltgtruri.dat": ("uri", 400),
    "lwsruri.dat": ("start_line", 400),
    "lwsstart.dat": ("start_line", 400),
    "trws.dat": ("start_line", 400),
    "escruri.dat": ("uri", 400),
    "baddate.dat": OK,  # a proxy reads no Date (§3.1.2.12: it "could choose" to accept)
    "regbadct.dat": OK,  # nor the Contact of a REGISTER, which it answers with 405
    "badaspec.dat": ("address", 400),
    "baddn.dat": ("truncated", 400),
    "badvers.dat": ("version", 505),
    "mismatch01.dat": ("cseq", 400),
    "mismatch02.dat": ("cseq", 400),
    "bigcode.dat": ("start_line", 0),
    # §3.2 transaction layer, §3.3 application layer, §3.4 backward compatibility
    "badbranch.dat": OK,  # a branch that is the magic cookie alone tells nothing: matched as in RFC 2543
    "insuf.dat": ("missing_field", 400),
    "unkscm.dat": ("uri", 416),
    "novelsc.dat": ("uri", 416),
    "unksm2.dat": OK,
    "bext01.dat": OK,
    "invut.dat": OK,
    "regaut01.dat": OK,
    "multi01.dat": ("duplicate_field", 400),
    "mcl01.dat": ("duplicate_field", 400),
    "bcast.dat": OK,
    "zeromf.dat": OK,
    "cparam01.dat": OK,
    "cparam02.dat": OK,
    "regescrt.dat": OK,
    "sdp01.dat": OK,
    "inv2543.dat": OK,
}


def verdict(data: bytes) -> str | tuple[str, int]:
    """What the proxy makes of a datagram, by the same two readers."""
    try:
        if data.startswith(b"SIP/2.0 "):
            read_response(data)
        else:
            Request(parse(data))
    except ParseError as error:
        return error.kind, error.status
    return OK


def test_every_message_is_listed(vectors: Path) -> None:
    assert {path.name for path in (vectors / "rfc4475").glob("*.dat")} == set(VERDICTS)
    assert len(VERDICTS) == 49


@pytest.mark.parametrize("name", VERDICTS)
def test_torture_message(vectors: Path, name: str) -> None:
    assert verdict((vectors / "rfc4475" / name).read_bytes()) == VERDICTS[name]
