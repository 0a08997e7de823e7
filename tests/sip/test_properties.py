"""Any octets give a message or a ParseError; what is not touched stays."""

from __future__ import annotations

import contextlib

from hypothesis import example, given
from hypothesis import strategies as st

from proxy.core.proxy import ProxyCore
from proxy.core.tally import Tally
from proxy.sip.build import join
from proxy.sip.errors import ParseError
from proxy.sip.fields import parse_name_addr, parse_via, split_values
from proxy.sip.message import parse
from proxy.sip.request import Request
from proxy.sip.uri import parse_uri, unescape
from tests.story import CORE, KEY, TODAY, TRUNK, network, request

PLAIN = request("INVITE", fields=("P-Asserted-Identity: <sip:+862488880001@h>", "X: y"), body=b"body")
WILD = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda at, junk, drop: PLAIN[:at] + junk + PLAIN[at + drop :],
        st.integers(0, len(PLAIN)),
        st.binary(max_size=20),
        st.integers(0, 20),
    ),
    st.text(max_size=100).map(str.encode),
)


@given(WILD)
@example(b"\r\n")
@example(b"A sip:a SIP/2.0\r\n\r\n")
def test_any_octets_are_a_message_or_a_parse_error(data: bytes) -> None:
    try:
        message = parse(data)
        if not message.status:
            Request(message)
    except ParseError as error:
        assert error.reason.isascii()


@given(WILD)
def test_any_octets_from_anyone_leave_the_core_standing(data: bytes) -> None:
    core = ProxyCore(network(), key=KEY, tally=Tally(), today=TODAY)
    for source in (TRUNK, CORE):
        core.receive(data, source, 0, 1.0)
    core.timer(100.0)


@given(st.binary(max_size=80))
def test_readers_of_values_are_total(value: bytes) -> None:
    for read in (lambda v: parse_name_addr(v, "X"), parse_via, parse_uri, split_values, unescape):
        with contextlib.suppress(ParseError):
            read(value)


NAME = st.text("ABCxyz-.!%*_+`'~", min_size=1, max_size=8).filter(lambda name: name.lower() not in "vftilcm")
LINE = st.builds(
    lambda name, pad, value: (name + pad + ":").encode() + value,
    NAME,
    st.sampled_from(["", " ", "\t "]),
    st.from_regex(rb"[ -~\x80-\xff]{0,20}(\r\n [!-~]{0,9})?", fullmatch=True),
)


@given(st.lists(LINE, max_size=10), st.binary(max_size=40))
def test_untouched_lines_survive_octet_by_octet(lines: list[bytes], body: bytes) -> None:
    base = request("INVITE", body=body)
    head, _, rest = base.partition(b"\r\n\r\n")
    data = head + b"".join(b"\r\n" + line for line in lines) + b"\r\n\r\n" + rest
    message = parse(data)

    assert [line for line in message.lines if line in lines or line.rstrip() in lines][
        -len(lines) :
    ] == lines or not lines
    assert join(message.first, message.lines, message.body) == data


@given(st.lists(st.from_regex(rb'[a-z]{1,5}( "[a-z,;]*")?( <[a-z,]+>)?', fullmatch=True), min_size=1, max_size=5))
def test_split_undoes_join(values: list[bytes]) -> None:
    assert split_values(b", ".join(values)) == values
