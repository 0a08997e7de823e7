"""No pattern takes more than linear time on what an attacker would send; the suite's time limit is the judge."""

from __future__ import annotations

import pytest

from proxy.sip import grammar

N = 60_000  # a datagram full


@pytest.mark.parametrize(
    ("pattern", "data"),
    [
        (grammar.NAME_ADDR, b" " * N),
        (grammar.NAME_ADDR, b"a " * (N // 2)),
        (grammar.NAME_ADDR, b'"' + b"\\" * N),
        (grammar.NAME_ADDR, b'"' + b"\\a" * (N // 2) + b"x"),
        (grammar.NAME_ADDR, b"<sip:a>" + b" " * N + b"x"),
        (grammar.NAME_ADDR, b"<sip:a>" + b";a=b" * (N // 4) + b";"),
        (grammar.NAME_ADDR, b"<sip:a>" + b" ; a = b" * (N // 8) + b"<"),
        (grammar.ADDR_SPEC, b"a:" + b"b" * N + b"<"),
        (grammar.VIA, b"SIP/2.0/UDP h" + b";a" * (N // 2) + b","),
        (grammar.VIA, b"SIP" + b" " * N),
        (grammar.USUAL_RESPONSE, b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=b" + b";a" * (N // 2) + b",\r\n"),
        (grammar.USUAL_RESPONSE, b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=b" + b", a" * (N // 3) + b"\0\r\n"),
        (grammar.USUAL_RESPONSE, b"SIP/2.0 200 OK\r\nVia:" + b" " * N + b"\r\n"),
        (grammar.USUAL_RESPONSE, b"SIP/2.0 200 " + b" " * N),
        (grammar.SHORT_CSEQ, b" " * N),
        (grammar.SHORT_CSEQ, b"1 A" + b" " * N),
        (grammar.SHORT_LENGTH, b"1" + b" " * N),
        (grammar.FROM_LINE, b"From: " + b"a " * (N // 2)),
        (grammar.FROM_LINE, b'From: "' + b"a" * N),
        (grammar.TO_LINE, b'To: "a"' + b" " * N),
        (grammar.TO_LINE, b"To: <sip:a>;tag=" + b"a" * N + b";"),
        (grammar.CALL_ID_LINE, b"Call-ID: " + b"a" * N + b" "),
        (grammar.CSEQ_LINE, b"CSeq: 1 " + b"A" * N + b" "),
        (grammar.VIA_LINE, b"Via: SIP/2.0/UDP h;branch=" + b"a" * N + b","),
        (grammar.PLAIN_SIP_URI, b"sip:" + b"a" * N + b" "),
        (grammar.SIP_URI, b"sip:" + b"a" * N + b" "),
        (grammar.SIP_URI, b"sip:" + b"a:" * (N // 2)),
        (grammar.SIP_URI, b"sip:h" + b";" * N + b"@"),
        (grammar.TEL_URI, b"tel:" + b"1;" * (N // 2) + b"@"),
        (grammar.CSEQ, b"1" + b" " * N),
        (grammar.CALL_ID, b"a" * N + b" "),
        (grammar.REQUEST_LINE, b"A" * N),
        (grammar.MAX_FORWARDS, b"0" * N + b"x"),
    ],
)  # fmt: skip
def test_no_pattern_is_slow(pattern: object, data: bytes) -> None:
    assert pattern.fullmatch(data) is None  # type: ignore[attr-defined]


@pytest.mark.parametrize("data", [b'"' * 60_000, b'"\\' * 30_000, b'"' + b"\\\xe9" * 30_000])
def test_no_search_is_slow(data: bytes) -> None:
    assert isinstance(grammar.QUOTED_OR_OPEN.sub(b"", data), bytes)
