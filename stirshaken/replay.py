"""Tokens that have been used (RFC 8224 §12.1): the same one on another call is a replay."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import Final

from stirshaken.findings import Finding, Rule
from stirshaken.passport import ORDER, SIGNATURE

MAX_TOKENS: Final = 65_536  # at 100 calls a second, ten minutes; some 20 MiB
_DIGEST: Final = 16  # octets


class Replays:
    """
    A bounded memory of valid tokens and of the call that each came with.

    A token is known by its signature; the same call may bring it again, as retransmitted, forked and retried ones
    do, and is known by its Call-ID. When full, the oldest token is forgotten: `forgotten` counts those that were
    still fresh.
    """

    def __init__(self, entries: int = MAX_TOKENS) -> None:
        if entries < 1:
            raise ValueError("there must be room for a token")
        self.forgotten = 0
        self._entries = entries
        self._seen: OrderedDict[bytes, tuple[bytes, float]] = OrderedDict()

    def __len__(self) -> int:
        """How many tokens are known."""
        return len(self._seen)

    def take(self, signature: bytes, call_id: bytes, until: float, now: float) -> Finding | None:
        """
        Note a token that has been found valid; the finding where another call has used it.

        Give valid ones only, else strangers fill the memory. `until` is when the token ceases to be fresh, iat plus
        the age that is allowed.
        """
        self._expire(now)
        token, call = _token(signature), _digest(call_id)
        known = self._seen.get(token)
        if known is not None and now <= known[1]:
            return None if known[0] == call else Finding(Rule.REPLAYED, "token was used by another call")
        self._seen[token] = call, until
        self._seen.move_to_end(token)
        while len(self._seen) > self._entries:
            self._seen.popitem(last=False)
            self.forgotten += 1
        return None

    def _expire(self, now: float) -> None:
        """Drop the oldest as long as it is no longer fresh, at most a few, so that no call waits for all of them."""
        for _ in range(4):
            if not self._seen or next(iter(self._seen.values()))[1] >= now:
                return
            self._seen.popitem(last=False)


def _token(signature: bytes) -> bytes:
    """Of r and s, both s and its negative make a good signature (SEC 1 §4.1.4): one entry for the two of them."""
    s = int.from_bytes(signature[SIGNATURE // 2 :])
    low = min(s, (ORDER - s) % ORDER)
    return _digest(signature[: SIGNATURE // 2] + low.to_bytes(SIGNATURE // 2))


def _digest(octets: bytes) -> bytes:
    return blake2b(octets, digest_size=_DIGEST).digest()
