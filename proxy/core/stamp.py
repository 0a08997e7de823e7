"""Branches, To-tags and route cookies, derived from the request by keyed hash and never random."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import partial
from hashlib import blake2b
from typing import Final
from zlib import crc32

from proxy.sip.request import Request
from proxy.transaction.key import COOKIE

_OCTETS: Final = 8  # 64 bits: enough that nobody guesses a value within the life of a call
_LEG: Final = 2 * _OCTETS
_DAY: Final = _LEG + 6
_WHOLE: Final = _DAY + 2 * _OCTETS
# A call that began before midnight goes on after it; one that is two days old and unknown has lost its BYE.
_COOKIE_DAYS: Final = 2
_HEX: Final = re.compile(rb"[0-9a-f]+")


_PARAM: Final = b";branch="
_OWN: Final = _PARAM + COOKIE + b"-tw-"
_BRANCH: Final = len(_OWN) - len(_PARAM) + 2 * _OCTETS + 2 * (1 + 8)
_HEAD: Final = 1024  # the octets of a response that its status line and first Via take up


class Stamp:
    """
    The node's keyed hash (BLAKE2b). A restarted process with the same key meets a retransmission with
    the same branch and To-tag (RFC 3261 §16.11, §8.2.7), and knows its own responses without any state.
    """

    __slots__ = ("_hash",)

    def __init__(self, key: bytes) -> None:
        """`key` is 16 to 64 secret octets, the same over restarts."""
        self._hash: Callable[[bytes], blake2b] = partial(blake2b, digest_size=_OCTETS, key=key)

    def origin(
        self, branch: bytes, host: bytes, port: int, source: bytes, call_id: bytes, from_tag: bytes, cseq: int
    ) -> bytes:
        """
        What stands for one transaction upstream: hash over fields that the request and each of its
        responses carry alike; `source` is the address it came from. CANCEL and the ACK of a non-2xx give
        the same as their INVITE (§9.1, §17.1.1.3).
        """
        text = b"origin\0%b\0%b\0%d\0%b\0%b\0%b\0%d" % (branch, host, port, source, call_id, from_tag, cseq)
        return self._hash(text).hexdigest().encode()

    def of_request(self, request: Request, source: str) -> bytes:
        """`origin` of a request received from the IP address `source`."""
        via = request.via
        return self.origin(
            via.branch, via.host, via.port, source.encode(), request.call_id, request.from_tag, request.cseq
        )

    def path(self, request: Request, routes: list[bytes], source: str) -> bytes:
        """
        Digest of what decides where a request goes, the address `source` that it came from included: it
        tells a loop from a spiral (RFC 5393 §4.2.1), such as a call that the core side sends back to
        another trunk. It needs no key: who forges it makes only their own request look like a loop.
        """
        parts = (request.message.uri, request.call_id, request.from_tag, request.to_tag, source.encode(), *routes)
        return b"%08x" % crc32(b"\0".join(parts), request.cseq)

    def cookie(self, leg: bytes, call_id: bytes, caller_tag: bytes, today: date, kept: bytes = b"") -> bytes:
        """
        What the Record-Route of a call carries: the leg (the `origin` of its INVITE), the day, proof that this
        node has let the dialog through on that day, and what else has to be `kept` for it, covered by the proof.
        """
        return self._cookie(leg, call_id, caller_tag, b"%06x" % today.toordinal(), kept)

    def _cookie(self, leg: bytes, call_id: bytes, caller_tag: bytes, day: bytes, kept: bytes) -> bytes:
        covered = (leg, call_id, caller_tag, day, kept) if kept else (leg, call_id, caller_tag, day)
        return leg + day + self.tag(b"cookie", *covered) + kept.hex().encode()

    def made_for(self, cookie: bytes, call_id: bytes, caller_tag: bytes) -> bool:
        """Whether a cookie is one of this node for a dialog whose caller has this tag, whatever its day."""
        return cookie == self._cookie(cookie[:_LEG], call_id, caller_tag, cookie[_LEG:_DAY], kept_in(cookie))

    def leg(self, cookie: bytes, call_id: bytes, tags: tuple[bytes, bytes], today: date) -> bytes:
        """The leg of a cookie of one of the last days, for a dialog with one of these tags; b"" of any other."""
        if len(cookie) < _WHOLE or not _HEX.fullmatch(cookie):
            return b""
        if not 0 <= today.toordinal() - int(cookie[_LEG:_DAY], 16) <= _COOKIE_DAYS:
            return b""
        return cookie[:_LEG] if any(self.made_for(cookie, call_id, tag) for tag in tags) else b""

    def tag(self, *parts: bytes) -> bytes:
        """A keyed hash over some octets, in hexadecimal."""
        return self._hash(b"\0".join(parts)).hexdigest().encode()


def kept_in(cookie: bytes) -> bytes:
    """What a cookie carries beside its proof; b"" for nothing, or for one that is none."""
    more = cookie[_WHOLE:]
    return bytes.fromhex(more.decode()) if more and len(more) % 2 == 0 and _HEX.fullmatch(more) else b""


def branch(origin: bytes, path: bytes, mark: bytes) -> bytes:
    """
    The branch parameter of a request forwarded to the hop with this mark (RFC 3261 §16.6 step 8): each hop that a
    call tries has a branch of its own, and the same one in whatever order they are tried.
    """
    return COOKIE + b"-tw-" + origin + b"." + path + b"." + mark


def split_branch(value: bytes) -> tuple[bytes, bytes]:
    """Origin and path of a branch made by `branch`, b"" twice for any other."""
    head, _, rest = value.removeprefix(COOKIE + b"-tw-").partition(b".")
    path, _, mark = rest.partition(b".")
    return (head, path) if len(head) == 2 * _OCTETS and len(path) == len(mark) == 8 else (b"", b"")


def own_branch(data: bytes) -> bytes:
    """What looks like a branch made by `branch` in the first octets of a response; b"" where nothing does."""
    start = data.find(_OWN, 0, _HEAD) + len(_PARAM)
    return data[start : start + _BRANCH] if start >= len(_PARAM) else b""


def branch_of(sent: bytes) -> bytes:
    """The branch of the Via that the node itself put first into a request; b"" of anything else."""
    return sent.partition(b";branch=")[2].partition(b";")[0]
