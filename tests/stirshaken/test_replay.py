"""The memory of tokens: another call's token is a replay, the same call's is not, and memory has an end."""

from __future__ import annotations

import pytest

from stirshaken import passport
from stirshaken.findings import Rule
from stirshaken.hierarchy import new_key
from stirshaken.passport import ORDER
from stirshaken.replay import Replays

ONE = bytes(range(64))
TWO = bytes(range(1, 65))
CALL, OTHER = b"a1@host", b"b2@host"


@pytest.mark.parametrize(
    ("signature", "call_id", "now", "replayed"),
    [
        pytest.param(ONE, CALL, 0.0, False, id="retransmitted-or-forked"),
        pytest.param(ONE, CALL, 30.0, False, id="retried"),
        pytest.param(ONE, OTHER, 0.0, True, id="another-call"),
        pytest.param(ONE, OTHER, 60.0, True, id="at-the-last-moment"),
        pytest.param(ONE, OTHER, 60.1, False, id="no-longer-fresh-so-known-as-stale"),
        pytest.param(ONE, CALL.upper(), 0.0, True, id="call-ids-compare-octet-by-octet"),
        pytest.param(ONE, b"", 0.0, True, id="no-call-id"),
        pytest.param(TWO, OTHER, 0.0, False, id="another-token"),
    ],
)
def test_second_use(signature: bytes, call_id: bytes, now: float, replayed: bool) -> None:
    replays = Replays()
    assert replays.take(ONE, CALL, 60.0, 0.0) is None
    finding = replays.take(signature, call_id, now + 60, now)
    assert (finding is not None and finding.rule is Rule.REPLAYED) is replayed


def test_the_negative_of_s_is_no_other_token() -> None:
    key = new_key()
    signature = passport.sign(key)(b"octets")
    twin = signature[:32] + (ORDER - int.from_bytes(signature[32:])).to_bytes(32)
    assert passport.verify_signature(key.public_key(), b"octets", twin)  # or there would be nothing to fear
    replays = Replays()
    replays.take(signature, CALL, 60.0, 0.0)
    assert replays.take(twin, OTHER, 60.0, 0.0) is not None


def test_a_replay_does_not_take_the_token_over() -> None:
    replays = Replays()
    replays.take(ONE, CALL, 60.0, 0.0)
    assert replays.take(ONE, OTHER, 60.0, 1.0) is not None
    assert replays.take(ONE, CALL, 60.0, 2.0) is None


def test_memory_is_bounded() -> None:
    replays = Replays(entries=10)
    for number in range(1, 26):
        replays.take(number.to_bytes(64), CALL, 60.0, 0.0)
    assert (len(replays), replays.forgotten) == (10, 15)
    assert replays.take((25).to_bytes(64), OTHER, 60.0, 0.0) is not None


def test_the_stale_are_dropped_and_not_counted() -> None:
    replays = Replays(entries=10)
    for number in range(1, 10_001):
        replays.take(number.to_bytes(64), CALL, number + 3.0, float(number))
    assert (len(replays), replays.forgotten) == (4, 0)


@pytest.mark.parametrize("signature", [b"", b"x", bytes(63), b"\xff" * 64, b"\xff" * 200], ids=len)
def test_any_octets_are_taken(signature: bytes) -> None:
    replays = Replays()
    assert replays.take(signature, CALL, 60.0, 0.0) is None
    assert replays.take(signature, OTHER, 60.0, 0.0) is not None


def test_there_must_be_room() -> None:
    with pytest.raises(ValueError, match="room"):
        Replays(0)


def test_the_oldest_is_forgotten_first() -> None:
    replays = Replays(entries=3)
    for number, until in ((1, 1000.0), (2, 1.0), (3, 1000.0)):
        replays.take(number.to_bytes(64), CALL, until, 0.0)
    replays.take((2).to_bytes(64), CALL, 1000.0, 5.0)  # stale, and so used anew
    for number in (4, 5):
        replays.take(number.to_bytes(64), CALL, 1000.0, 5.0)
    assert [replays.take(number.to_bytes(64), OTHER, 1000.0, 5.0) is None for number in (2, 4, 5)] == [False] * 3
    assert replays.forgotten == 2
