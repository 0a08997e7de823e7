"""Ownership: every message of a call has the same owner, however it writes its Call-ID, and as the parser reads it."""

from __future__ import annotations

from collections import Counter

import pytest

from proxy.core.owner import Owners, call_id_of
from proxy.sip.message import CALL_ID, parse
from tests.story import request, response

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("field", "call_id"),
    [
        pytest.param(b"Call-ID: a@b", b"a@b", id="usual"),
        pytest.param(b"Call-ID:a@b", b"a@b", id="no-blank"),
        pytest.param(b"CALL-ID \t: a@b \t", b"a@b", id="blanks-around"),
        pytest.param(b"i: a@b", b"a@b", id="compact"),
        pytest.param(b"I:a@b", b"a@b", id="compact-capital"),
        pytest.param(b"Call-ID: \r\n a@b", b"a@b", id="folded-before"),
        pytest.param(b"Call-ID: a@b\r\n\t", b"a@b", id="folded-behind"),
        pytest.param(b"call-id:\r\n a@b", b"a@b", id="folded-in-another-spelling"),
    ],
)
def test_it_is_found_as_the_parser_finds_it(field: bytes, call_id: bytes) -> None:
    usual = request("INVITE", call_id="story@pbx")
    data = usual.replace(b"Call-ID: story@pbx", field)
    assert data != usual
    assert call_id_of(data) == call_id == parse(data).value(CALL_ID)


@pytest.mark.parametrize(
    ("data", "call_id"),
    [
        pytest.param(b"", b"", id="nothing"),
        pytest.param(b"\r\n\r\n", b"", id="keep-alive"),
        pytest.param(b"INVITE sip:a SIP/2.0\r\nCall-ID: cut", b"cut", id="cut-off"),
        pytest.param(b"INVITE sip:a SIP/2.0\r\nX: y\r\n\r\n\r\nCall-ID: of-the-body\r\n", b"", id="body"),
        pytest.param(b"INVITE sip:a SIP/2.0\r\nX-Call-ID: x\r\ni: y\r\n\r\n", b"y", id="a-name-that-ends-so"),
        pytest.param(b"INVITE sip:a SIP/2.0\r\nX: y\r\n Call-ID: x\r\ni: y\r\n\r\n", b"y", id="in-a-fold"),
    ],
)
def test_what_is_no_whole_message(data: bytes, call_id: bytes) -> None:
    assert call_id_of(data) == call_id


def test_a_request_and_its_response_have_one_owner() -> None:
    owners = Owners(KEY, 0, 7)
    for number in range(100):
        sent = request("INVITE", call_id=f"{number}@pbx")
        assert owners.owner(owners.mark(sent)) == owners.owner(owners.mark(response(sent, "200 OK")))


def test_calls_are_spread_and_the_key_says_how() -> None:
    def spread(key: bytes) -> list[int]:
        owners = Owners(key, 0, 4)
        return [owners.owner(owners.mark_of(b"%d@pbx" % number)) for number in range(4000)]

    counts = Counter(spread(KEY))
    assert sorted(counts) == [0, 1, 2, 3]
    assert min(counts.values()) > 850
    assert spread(KEY) == spread(KEY) != spread(b"o" * 32)


def test_who_is_alone_owns_everything() -> None:
    assert Owners(b"").owns(b"a@b")
    mine = [Owners(KEY, index, 2).owns(b"a@b") for index in range(2)]
    assert sorted(mine) == [False, True]
