"""Messages over octets: what is found, what is kept, what is refused."""

from __future__ import annotations

import pytest

from proxy.sip.errors import ParseError
from proxy.sip.message import (
    CALL_ID,
    CONTENT_LENGTH,
    FROM,
    MAX_FIELD_OCTETS,
    MAX_FIELDS,
    OTHER,
    P_ASSERTED_IDENTITY,
    TO,
    VIA,
    parse,
)  # fmt: skip
from tests.story import request

PLAIN = request("INVITE")


def kind_of(data: bytes) -> tuple[str, int]:
    with pytest.raises(ParseError) as caught:
        parse(data)
    return caught.value.kind, caught.value.status


@pytest.mark.parametrize(
    "line",
    [
        b"Call-ID: x",
        b"call-id: x",
        b"CALL-ID: x",
        b"cAlL-iD:x",
        b"i: x",
        b"I:x",
        b"Call-ID  \t:  x  ",
        b"Call-ID:\r\n x",
        b"Call-ID :\r\n\t x \r\n ",
    ],
)
def test_one_field_in_every_spelling(line: bytes) -> None:
    message = parse(PLAIN.replace(b"Call-ID: call-1", line))

    assert message.value(CALL_ID) == b"x"
    assert line in message.lines


@pytest.mark.parametrize("octet", range(256))
def test_no_octet_before_the_colon_smuggles_a_field(octet: int) -> None:
    """CVE-2020-28361, AST-2016-009: "To\\x01:" that one parser reads as To and another as something else."""
    data = PLAIN.replace(b"To:", b"To" + bytes([octet]) + b":")
    try:
        message = parse(data)
    except ParseError:
        assert octet not in (0x20, 0x09)
    else:
        assert octet in (0x20, 0x09, 0x3A)  # white space, and a second colon that belongs to the value
        assert message.names.count(TO) == 1


@pytest.mark.parametrize(
    "octet", [octet for octet in range(256) if octet not in (0x09, *range(0x20, 0x7F), *range(0x80, 0x100))]
)
def test_no_control_octet_in_a_value(octet: int) -> None:
    assert kind_of(PLAIN.replace(b"call-1", b"call" + bytes([octet]) + b"1"))[0] in (
        "control",
        "line_break",
        "header",
    )


def test_control_octets_in_a_quoted_pair_are_legal() -> None:
    caller = b'"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:1@h>;tag=a'

    assert parse(PLAIN.replace(b'"Acme" <sip:02488880001@127.0.0.2>;tag=a', caller)).value(FROM) == caller


@pytest.mark.parametrize("value", [b'"a\\\x00', b'"a" \\\x00', b'"a\x00"', b'"a\\\r\n b"'])
def test_control_octets_elsewhere_are_not(value: bytes) -> None:
    assert kind_of(PLAIN.replace(b"Max-Forwards: 70", b"X: " + value + b"\x01"))[0] == "control"


@pytest.mark.parametrize(
    "line",
    [
        "From: <sip:6@h>",
        "f: <sip:6@h>",
        "FROM : <sip:6@h>",
        "To: <sip:6@h>",
        "t:x",
        "Call-ID: 2",
        "i: 2",
        "CSeq: 1 INVITE",
    ],
)
def test_a_field_that_must_stand_once(line: str) -> None:
    assert kind_of(request("INVITE", fields=(line,))) == ("duplicate_field", 400)


@pytest.mark.parametrize("line", ["Max-Forwards: 70", "l: 0", "Content-Length: 0"])
def test_a_field_that_may_stand_once(line: str) -> None:
    assert kind_of(request("INVITE", fields=(line,))) == ("duplicate_field", 400)


@pytest.mark.parametrize("name", [b"From", b"To", b"Call-ID", b"CSeq", b"Via"])
def test_a_field_that_must_be_there(name: bytes) -> None:
    assert kind_of(PLAIN.replace(name + b": ", b"X-" + name + b": ")) == ("missing_field", 400)


@pytest.mark.parametrize("value", ["-1", "+1", "1_0", "１", "0x1", "", "1 1", "1,1", "9999999999"])
def test_content_length_is_ascii_digits(value: str) -> None:
    data = PLAIN.replace(b"Content-Length: 0", b"Content-Length: " + value.encode())

    assert kind_of(data) == ("content_length", 400)


def test_body_ends_where_content_length_says() -> None:
    body = bytes(range(256)) + b"\r\n\r\n"

    assert parse(request("INVITE", body=body) + b"INVITE sip:second").body == body
    assert kind_of(request("INVITE", body=body)[:-1]) == ("content_length", 400)
    assert parse(PLAIN.replace(b"Content-Length: 0\r\n", b"") + b"all the rest").body == b"all the rest"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PLAIN.replace(b"\r\n", b"\n"), "start_line"),
        (PLAIN.replace(b"Max-Forwards: 70\r\n", b"Max-Forwards: 70\n"), "line_break"),
        (PLAIN.replace(b"Max-Forwards: 70\r\n", b"Max-Forwards: 70\r\r\n"), "line_break"),
        (PLAIN[:-2], "truncated"),
        (PLAIN.replace(b"Max-Forwards: 70", b"no colon here"), "header"),
        (PLAIN.replace(b"Max-Forwards: 70", b"Max Forwards: 70"), "header"),
        (PLAIN.replace(b"Max-Forwards: 70", b": 70"), "header"),
        (PLAIN.replace(b"SIP/2.0\r\n", b"SIP/2.0 \r\n", 1), "start_line"),
        (PLAIN.replace(b"INVITE ", b"INVITE  ", 1), "start_line"),
        (PLAIN.replace(b"INVITE ", b"INV\xc4ITE ", 1), "start_line"),
        (PLAIN.replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1), "version"),
        (b"INVITE\r\n\r\n", "start_line"),
        (b"", "start_line"),
    ],
)
def test_faults(data: bytes, kind: str) -> None:
    assert kind_of(data)[0] == kind


def test_crlf_before_the_start_line_is_ignored() -> None:
    assert parse(b"\r\n\r\n" + PLAIN).method == b"INVITE"


def test_limits() -> None:
    many = tuple(f"X: {index}" for index in range(MAX_FIELDS))
    assert kind_of(request("INVITE", fields=many)) == ("too_large", 513)
    assert kind_of(request("INVITE", fields=("X: " + "a" * MAX_FIELD_OCTETS,))) == ("too_large", 513)
    assert parse(request("INVITE", fields=("X: " + "a" * (MAX_FIELD_OCTETS - 10),))).names.count(OTHER) == 1


def test_127_of_one_field_are_counted_rightly() -> None:
    vias = tuple("Via: SIP/2.0/UDP h" for _ in range(MAX_FIELDS - 7))

    assert parse(request("INVITE", fields=vias)).names.count(VIA) == MAX_FIELDS - 6


def test_values_of_several_fields() -> None:
    message = parse(request("INVITE", fields=("P-Asserted-Identity: a", "Subject: x", "p-asserted-identity:\r\n b")))

    assert message.values(P_ASSERTED_IDENTITY) == [b"a", b"b"]
    assert message.value(CONTENT_LENGTH) == b"0"
