"""What is let in to be read: datagrams are shed by their source and first octets, before anything is parsed."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Final

from proxy.call.numbers import emergency_number
from proxy.call.trunk import Trunk
from proxy.core.bucket import Bucket
from proxy.core.stamp import own_branch
from proxy.core.tally import Tally
from proxy.transaction.key import Key, client_key

_ASKED: Final = (
    b"INVITE",
    b"BYE",
    b"CANCEL",
    b"OPTIONS",
    b"PRACK",
    b"UPDATE",
    b"INFO",
    b"REFER",
    b"NOTIFY",
    b"MESSAGE",
)
_LONGEST: Final = 256  # octets of a Request-URI that names an emergency number


class Gate:
    """
    The buckets that datagrams take from: one for each trunk, whatever addresses it has, so that their number is that
    of the trunks and no forged address gets a fresh one; and one for all strangers together. The core side has none.
    """

    __slots__ = ("_packets", "_strangers", "_strangers_rate", "_trunks", "_urgent")

    def __init__(self, packets: int, strangers: int) -> None:
        """`packets` a second for a trunk that has no limit of its own, `strangers` for all that are no trunk."""
        self._packets = packets
        self._strangers_rate = strangers
        self._strangers = Bucket()
        self._trunks: dict[str, Bucket] = {}
        self._urgent: dict[str, Bucket] = {}

    def shed(self, data: bytes, trunks: Sequence[Trunk], pending: Container[Key], now: float) -> str:
        """
        Why a datagram is not to be read, "" when it is: "unknown" or "source". `trunks` are those that its source may
        speak for; answers to what is `pending` are awaited from wherever they come.
        """
        if not trunks:
            return "" if _awaited(data, pending) or self.knows(now) else "unknown"
        if trunks[0].role == "core":
            return ""
        limit = sum([trunk.limits.packets_per_second or self._packets for trunk in trunks])
        if _bucket(self._trunks, trunks[0]).take(limit, now):
            return ""
        urgent = _is_emergency(data, trunks[0]) and _bucket(self._urgent, trunks[0]).take(limit, now)
        return "" if urgent else "source"

    def knows(self, now: float) -> bool:
        """Whether one more request of a stranger may be looked at."""
        return self._strangers.take(self._strangers_rate, now)

    def sheds_foreign(self, data: bytes, tally: Tally, now: float) -> bool:
        """Whether a stranger's datagram is not even worth the way to its worker, which would look whether it waits."""
        if own_branch(data) or self.knows(now):
            return False
        tally.count["packets_shed_total", "unknown"] += 1
        return True

    def keep(self, trunks: Container[str]) -> None:
        """Forget every trunk that is not among these."""
        for buckets in (self._trunks, self._urgent):
            for trunk in [trunk for trunk in buckets if trunk not in trunks]:
                del buckets[trunk]


def _bucket(buckets: dict[str, Bucket], trunk: Trunk) -> Bucket:
    found = buckets.get(trunk.id)
    if found is None:
        found = buckets[trunk.id] = Bucket()
    return found


def _awaited(data: bytes, pending: Container[Key]) -> bool:
    """Whether a datagram is a response to one of the requests that wait for it."""
    branch = own_branch(data) if data.startswith(b"SIP/2.0 ") else b""
    return bool(branch) and any(client_key(branch, method) in pending for method in _ASKED)


def _is_emergency(data: bytes, trunk: Trunk) -> bool:
    """Whether a datagram looks like an emergency call; what it is in truth shows when it is read."""
    if not data.startswith(b"INVITE "):
        return False
    uri = data[7 : data.find(b" ", 7, 7 + _LONGEST)].lower()
    if uri.startswith(b"urn:service:sos"):
        return True
    user = uri.partition(b":")[2].partition(b"@")[0].partition(b";")[0]
    return bool(emergency_number(user.decode("ascii", "replace"), trunk.dial_plan))
