"""The phones' own reading of SIP."""

from __future__ import annotations

import pytest

from proxy.demo.wire import bare_uri, read, write

RESPONSE = (
    b"SIP/2.0 403 Number not allocated\r\nVia: SIP/2.0/UDP a;branch=1\r\n"
    b"via : SIP/2.0/UDP b\r\nCall-ID:x\r\n\r\nbody: no field"
)


def test_a_response() -> None:
    heard = read(RESPONSE)
    assert heard is not None
    assert (heard.method, heard.status, heard.phrase) == ("", 403, "Number not allocated")
    assert heard.every("Via") == ["SIP/2.0/UDP a;branch=1", "SIP/2.0/UDP b"]
    assert (heard.first("call-id"), heard.first("body"), heard.every("Route")) == ("x", "", [])


def test_a_request() -> None:
    heard = read(b"BYE sip:a@b SIP/2.0\r\n\r\n")
    assert heard is not None
    assert (heard.method, heard.status) == ("BYE", 0)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\r\n\r\n", id="keep-alive"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="http"),
        pytest.param(b"\xff\xfe\x00", id="binary"),
        pytest.param(b"INVITE SIP/2.0\r\n\r\n", id="no-request-uri"),
    ],
)
def test_what_a_phone_does_not_answer(data: bytes) -> None:
    assert read(data) is None


def test_full_width_status_is_none() -> None:
    heard = read("SIP/2.0 ２００ OK\r\n\r\n".encode())
    assert heard is not None
    assert heard.status == 0


@pytest.mark.parametrize(
    ("body", "more"),
    [
        pytest.param("", b"Content-Length: 0\r\n\r\n", id="no-body"),
        pytest.param(
            "中", b"Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\n\xe4\xb8\xad", id="octets-count"
        ),
    ],
)
def test_write(body: str, more: bytes) -> None:
    assert write("SIP/2.0 200 OK", [("To", "<sip:a@b>")], body) == b"SIP/2.0 200 OK\r\nTo: <sip:a@b>\r\n" + more


@pytest.mark.parametrize(
    ("value", "uri"),
    [
        pytest.param('"A" <sip:a@b:5070;lr>;x=1', "sip:a@b:5070;lr", id="name-addr"),
        pytest.param("sip:a@b;tag=1", "sip:a@b", id="addr-spec"),
    ],
)
def test_bare_uri(value: str, uri: str) -> None:
    assert bare_uri(value) == uri
