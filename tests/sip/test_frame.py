"""Messages out of a stream: every whole one, whatever pieces it comes in, and nothing behind one that cannot be cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.sip.frame import MAX_HEAD, MAX_START_LINE, Frames
from tests.story import SDP, request

INVITE = request("INVITE", body=SDP, fields=("Content-Type: application/sdp",))
BYE = request("BYE")
OK = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP h;branch=z\r\nl : 3\r\n\r\nabc"


def head(lengths: str, start: str = "BYE sip:x@h SIP/2.0") -> bytes:
    return f"{start}\r\nVia: SIP/2.0/TCP h\r\n{lengths}\r\n".encode()


def test_messages_come_one_behind_the_other() -> None:
    frames = Frames()
    assert frames.feed(INVITE + OK + b"\r\n" + BYE + BYE[:20]) == [INVITE, OK, BYE]
    assert frames.begun
    assert frames.feed(BYE[20:]) == [BYE]
    assert not frames.begun
    assert frames.fault is None


PIECES = st.lists(
    st.sampled_from([INVITE, OK, BYE, b"\r\n", b"\r\n\r\n", b"\r", b"GET / HTTP/1.1\r\n\r\n", head("")]), max_size=6
)


@given(PIECES, st.lists(st.integers(1, 400), min_size=1, max_size=20))
def test_any_cut_gives_the_same_messages(pieces: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(pieces)
    whole = Frames()
    expected = whole.feed(stream)
    frames, found, at, turn = Frames(), [], 0, 0
    while at < len(stream):
        step = cuts[turn % len(cuts)]
        found += frames.feed(stream[at : at + step])
        at, turn = at + step, turn + 1
    assert found == expected
    assert (frames.fault is None) == (whole.fault is None)
    assert frames.fault is None or whole.fault is None or frames.fault.kind == whole.fault.kind
    assert frames.pings == whole.pings or whole.fault is not None


def test_octet_by_octet() -> None:
    frames, found = Frames(), []
    for octet in INVITE + BYE:
        found += frames.feed(bytes([octet]))
    assert found == [INVITE, BYE]


@given(st.binary(max_size=300))
def test_anything_is_a_message_or_a_fault_or_waits(data: bytes) -> None:
    frames = Frames()
    assert frames.feed(data) == [] or b"SIP/" in data.upper()


@pytest.mark.parametrize(
    ("lengths", "body"),
    [
        ("Content-Length: 4\r\n", b"abcd"),
        ("CONTENT-LENGTH \t:\t4  \r\n", b"abcd"),
        ("l:4\r\n", b"abcd"),
        ("Content-Length:\r\n 4\r\n", b"abcd"),
        ("Content-Length: 4 \r\n \r\n", b"abcd"),
        ("Content-Length: 0\r\n", b""),
        ("Content-Length: 000000004\r\n", b"abcd"),
        ("Subject: x\r\n Content-Length: 9\r\nl: 4\r\n", b"abcd"),  # the first is the subject's
    ],
)
def test_the_length_in_any_spelling(lengths: str, body: bytes) -> None:
    frames = Frames()
    assert frames.feed(head(lengths) + body + BYE) == [head(lengths) + body, BYE]


@pytest.mark.parametrize(
    ("lengths", "kind", "reason"),
    [
        ("", "content_length", "Missing Content-Length header field"),
        ("Content-Length: 4\r\nl: 4\r\n", "duplicate_field", "Duplicate Content-Length header field"),
        ("l: 4\r\nContent-Length: 0\r\n", "duplicate_field", "Duplicate Content-Length header field"),
        ("Content-Length: +4\r\n", "content_length", "Malformed Content-Length"),
        ("Content-Length: -1\r\n", "content_length", "Malformed Content-Length"),
        ("Content-Length: 1_0\r\n", "content_length", "Malformed Content-Length"),
        ("Content-Length: 0x4\r\n", "content_length", "Malformed Content-Length"),
        ("Content-Length: 4, 4\r\n", "content_length", "Malformed Content-Length"),
        ("Content-Length: 4\r\n 4\r\n", "content_length", "Malformed Content-Length"),
        ("Content-Length: \r\n", "content_length", "Malformed Content-Length"),
        ("Content-Length: 4294967300\r\n", "content_length", "Malformed Content-Length"),  # 2**32 + 4
        ("Content-Length: \uff14\r\n", "content_length", "Malformed Content-Length"),  # a full-width digit
        ("Content-Length: 99999999\r\n", "too_large", "Message too large"),
    ],
)
def test_nothing_behind_a_length_that_cannot_be_read(lengths: str, kind: str, reason: str) -> None:
    """What looks like a second request may be the body of the first."""
    frames = Frames()
    assert frames.feed(BYE + head(lengths) + BYE) == [BYE]
    assert frames.fault is not None
    assert (frames.fault.kind, frames.fault.reason) == (kind, reason)
    assert frames.broken == head(lengths)
    assert frames.feed(BYE) == []
    assert not frames.begun


@pytest.mark.parametrize(
    "junk",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS ClientHello
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x00\x00\x00\x00",
        b"\n\n" + BYE,
        b" " + BYE,
        b"hello\r\n" + BYE,
    ],
)
def test_junk_is_no_request(junk: bytes) -> None:
    frames = Frames()
    assert frames.feed(junk) == []
    assert frames.fault is not None
    assert (frames.fault.kind, frames.broken) == ("start_line", b"")


def test_what_has_no_end_is_not_waited_for() -> None:
    frames = Frames()
    assert frames.feed(b"INVITE sip:" + b"x" * (MAX_START_LINE + 10)) == []
    assert frames.fault is not None
    assert frames.fault.kind == "too_large"
    frames = Frames()
    for _ in range(MAX_HEAD // 1000 + 2):
        frames.feed((b"INVITE sip:x@h SIP/2.0\r\n" if not frames.begun else b"") + b"Subject: " + b"x" * 989 + b"\r\n")
    assert frames.fault is not None
    assert frames.fault.kind == "too_large"


def test_keep_alives_are_answered() -> None:
    frames = Frames()
    assert frames.feed(b"\r\n\r\n" * 2 + BYE + b"\r\n") == [BYE]
    assert frames.pings == 2
    assert not frames.begun
    frames.feed(b"\r\n")
    assert frames.pings == 3


def test_the_answer_to_ours_is_no_keep_alive() -> None:
    frames = Frames()
    frames.asked()
    frames.feed(b"\r")
    assert not frames.answered
    frames.feed(b"\n")
    assert (frames.answered, frames.awaited, frames.pings) == (True, 0, 0)
