"""Fingerprints of SDP, wherever it stands in a body; the claim that binds them; and that no octets raise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stirshaken.errors import MalformedError
from stirshaken.media import MAX_BODY, MAX_FINGERPRINTS, claim, claimed, fingerprints

ONE = ("sha-256", "021ACC5427ABEB9C533F3E4B652E7D463F5442CD54F17A03A27DF9B07F4619B2")
COLONS = ":".join(ONE[1][n : n + 2] for n in range(0, 64, 2))
TWO = ("sha-1", "4AADB9B13F82183B540212DF3E5D496B19E57CAB")
LINE = f"a=fingerprint:sha-256 {COLONS}\r\n".encode()
OTHER = f"a=fingerprint:SHA-1 {TWO[1].lower()}\r\n".encode()
SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"


def multipart(*parts: bytes, boundary: str = "b-1", before: bytes = b"", line: bytes = b"\r\n") -> bytes:
    mark = b"--" + boundary.encode()
    return before + b"".join(mark + line + part + line for part in parts) + mark + b"--" + line


def part(body: bytes, kind: str = "application/sdp", line: bytes = b"\r\n") -> bytes:
    return f"Content-Type: {kind}".encode() + line * 2 + body


@pytest.mark.parametrize(
    ("body", "kind", "found"),
    [
        pytest.param(SDP + LINE, "application/sdp", (ONE,), id="of-the-session"),
        pytest.param(SDP + b"m=audio 1 UDP/TLS/RTP/SAVPF 0\r\n" + LINE, "Application/SDP;charset=utf-8", (ONE,), id="of-a-medium"),
        pytest.param(SDP + LINE + OTHER + LINE, "application/sdp", (TWO, ONE), id="each-once-and-sorted"),
        pytest.param(SDP.replace(b"\r", b"") + LINE.replace(b"\r", b""), "application/sdp", (ONE,), id="bare-LF"),
        pytest.param(SDP.replace(b"\n", b"") + LINE.replace(b"\n", b""), "application/sdp", (ONE,), id="bare-CR"),
        pytest.param(SDP + b" A = FingerPrint : " + LINE[14:], "application/sdp", (ONE,), id="what-an-endpoint-may-forgive"),
        pytest.param(SDP, "application/sdp", (), id="none"),
        pytest.param(SDP + b"a=fingerprint:sha-256 0G:11\r\n", "application/sdp", (), id="no-digits"),
        pytest.param(SDP + b"b=a=fingerprint:sha-256 00:11\r\n", "application/sdp", (), id="in-another-line"),
        pytest.param(SDP + LINE, "text/plain", (), id="another-kind"),
        pytest.param(SDP + LINE + b"\r\n" * MAX_BODY, "application/sdp", (), id="too-large"),
        pytest.param(multipart(part(SDP + LINE)), "multipart/mixed;boundary=b-1", (ONE,), id="multipart"),
        pytest.param(multipart(part(SDP + LINE), before=b"\r\n"), 'multipart/mixed; Boundary="b-1"', (ONE,), id="quoted-boundary"),
        pytest.param(multipart(part(SDP + LINE, line=b"\n"), line=b"\n"), "multipart/mixed;boundary=b-1", (ONE,), id="multipart-with-LF"),
        pytest.param(multipart(part(b"<x/>", "application/pidf+xml"), part(SDP + LINE)), "multipart/related;boundary=b-1", (ONE,), id="second-part"),
        pytest.param(multipart(b"X: y\r\nc: application/sdp;a=b\r\nZ: z\r\n\r\n" + LINE), "multipart/mixed;boundary=b-1", (ONE,), id="among-other-fields"),
        pytest.param(multipart(part(OTHER, "text/plain"), part(LINE)), "multipart/mixed;boundary=b-1", (ONE,), id="text-is-no-sdp"),
        pytest.param(multipart(b"\r\n" + LINE), "multipart/mixed;boundary=b-1", (), id="part-without-a-type"),
        pytest.param(multipart(part(multipart(part(LINE), boundary="in"), 'multipart/alternative;boundary="in"')), "multipart/mixed;boundary=b-1", (ONE,), id="nested"),
        pytest.param(multipart(part(LINE)) + multipart(part(OTHER)), "multipart/mixed;boundary=b-1", (ONE,), id="behind-the-end"),
        pytest.param(multipart(part(b"--b-12\r\n" + LINE)), "multipart/mixed;boundary=b-1", (ONE,), id="longer-boundary-is-another"),
        pytest.param(multipart(part(LINE)), "multipart/mixed", (), id="no-boundary"),
        pytest.param(multipart(part(LINE)), "multipart/mixed;boundary=", (), id="empty-boundary"),
    ],
)  # fmt: skip
def test_fingerprints(body: bytes, kind: str, found: tuple[tuple[str, str], ...]) -> None:
    assert fingerprints(body, kind) == found


def test_more_than_any_claim_can_have() -> None:
    body = b"".join(f"a=fingerprint:sha-256 {n:04x}\r\n".encode() for n in range(500))
    assert len(fingerprints(body)) == MAX_FINGERPRINTS + 1


def nest(depth: int) -> tuple[bytes, str]:
    body, kind = LINE, "application/sdp"
    for level in range(depth):
        body, kind = multipart(part(body, kind), boundary=f"b{level}"), f"multipart/mixed;boundary=b{level}"
    return body, kind


@pytest.mark.parametrize(("depth", "found"), [(3, (ONE,)), (4, ())])
def test_nested_no_deeper_than_is_sane(depth: int, found: tuple[tuple[str, str], ...]) -> None:
    assert fingerprints(*nest(depth)) == found


def test_parts_are_bounded() -> None:
    def behind(others: int) -> bytes:
        return multipart(*[part(b"x", "text/plain")] * others, part(LINE))

    assert fingerprints(multipart(part(LINE), *[part(b"x")] * 40), "multipart/mixed;boundary=b-1") == (ONE,)
    assert fingerprints(behind(31), "multipart/mixed;boundary=b-1") == (ONE,)
    assert fingerprints(behind(32), "multipart/mixed;boundary=b-1") == ()


def test_claim_is_sorted_and_read_back() -> None:
    assert claim([ONE, TWO, ONE]) == [{"alg": "sha-1", "dig": TWO[1]}, {"alg": "sha-256", "dig": ONE[1]}]
    assert claimed(claim([ONE, TWO])) == {ONE, TWO}


def test_as_many_as_a_claim_can_have() -> None:
    keys = [("sha-256", f"{n:04X}") for n in range(MAX_FINGERPRINTS)]
    assert claimed(claim(keys)) == set(keys)


def test_claims_of_signers_that_write_otherwise() -> None:
    assert claimed([{"alg": "SHA-256", "dig": COLONS.lower()}]) == {ONE}


@pytest.mark.parametrize(
    "value",
    [None, {}, [], "x", ["x"], [{}], [{"alg": "sha-256"}], [{"alg": 1, "dig": "00"}], [{"alg": "sha-256", "dig": ""}], [{"alg": "sha-256", "dig": "0"}], [{"alg": "", "dig": "00"}], [{"alg": "a", "dig": "00", "x": 1}], [{"alg": "a", "dig": "00"}] * 65],
    ids=str,
)  # fmt: skip
def test_no_claim(value: object) -> None:
    with pytest.raises(MalformedError, match="mky"):
        claimed(value)


PIECES = st.sampled_from([b"--", b"--b", b"\r\n", b"\n", b"a=fingerprint:", b"sha-256 ", b"00:11", b"content-type:", b"application/sdp", b"multipart/mixed;boundary=b", b"\x00", b"\xff"])  # fmt: skip


@given(st.lists(PIECES | st.binary(max_size=8), max_size=40), st.sampled_from(["application/sdp", "multipart/mixed;boundary=b", ""]) | st.text(max_size=40))  # fmt: skip
def test_no_octets_raise(parts: list[bytes], kind: str) -> None:
    for alg, digest in fingerprints(b"".join(parts), kind):
        assert (alg, digest) == (alg.lower(), digest.upper())
        assert set(digest) <= set("0123456789ABCDEF")


def test_hostile_bodies_cost_little() -> None:
    """Every pattern is linear; a quadratic one takes minutes here."""
    for body in (b"a=fingerprint:" + b" " * 60_000, b"\r\n--b" * 13_000, b"\r\n" * 32_000, b"c:" + b" " * 60_000):
        assert fingerprints(multipart(part(body)), "multipart/mixed;boundary=b-1") == ()
        assert fingerprints(body, "multipart/mixed;boundary=b") == ()
