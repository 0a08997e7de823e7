"""The phone that answers."""

from __future__ import annotations

import pytest

from proxy.demo.callee import answers
from proxy.demo.wire import read, write

FIELDS = [
    ("Via", "SIP/2.0/UDP a;branch=2"),
    ("Via", "SIP/2.0/UDP b;branch=1"),
    ("Record-Route", "<sip:a;lr>"),
    ("From", "<sip:x@a>;tag=1"),
    ("To", "<sip:y@a>"),
    ("Call-ID", "c"),
    ("CSeq", "1 INVITE"),
]


@pytest.mark.parametrize(
    ("method", "said"),
    [
        pytest.param("INVITE", ["SIP/2.0 180 Ringing", "SIP/2.0 200 OK"], id="invite-rings-and-answers"),
        pytest.param("ACK", [], id="ack-is-not-answered"),
        pytest.param("BYE", ["SIP/2.0 200 OK"], id="bye"),
    ],
)
def test_answers(method: str, said: list[str]) -> None:
    request = read(write(f"{method} sip:y@a SIP/2.0", FIELDS))
    assert request is not None
    heard = [read(data) for data in answers(request, "127.0.0.1:5070")]
    assert [each.start for each in heard if each] == said
    for each in heard:
        assert each is not None
        assert each.every("Via") == request.every("Via")
        assert each.every("Record-Route") == ["<sip:a;lr>"]
        assert each.first("To") == "<sip:y@a>;tag=callee"
        assert each.first("Contact") == "<sip:callee@127.0.0.1:5070>"


def test_a_response_is_not_answered() -> None:
    response = read(write("SIP/2.0 200 OK", FIELDS))
    assert response is not None
    assert answers(response, "127.0.0.1:5070") == []


def test_a_tag_is_kept() -> None:
    request = read(write("BYE sip:y@a SIP/2.0", [*FIELDS[:4], ("To", "<sip:y@a>;tag=old"), *FIELDS[5:]]))
    assert request is not None
    (answer,) = answers(request, "127.0.0.1:5070")
    assert b"To: <sip:y@a>;tag=old\r\n" in answer
