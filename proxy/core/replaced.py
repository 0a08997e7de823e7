"""
Another caller on the way out, and the caller's own on the way back: what is replaced in the field lines of an INVITE,
and From and To in all that follows. Tags stay, so that both sides keep their dialog (RFC 3261 §12).
"""

from __future__ import annotations

from typing import Final

from proxy.checks.base import Replacement
from proxy.core.place import Listener, Place
from proxy.core.stamp import Stamp, kept_in
from proxy.sip import build
from proxy.sip.fields import NameAddr, parse_name_addr, split_values
from proxy.sip.message import (
    CALL_ID,
    DIVERSION,
    FROM,
    HISTORY_INFO,
    IDENTITY,
    P_ASSERTED_IDENTITY,
    P_PREFERRED_IDENTITY,
    RECORD_ROUTE,
    REMOTE_PARTY_ID,
    TO,
    Message,
    reread,
)
from proxy.sip.request import Request

MAX_KEPT: Final = 255  # octets of a From URI that the route set carries; of a longer one To keeps what was sent
_CALLER: Final = frozenset({P_ASSERTED_IDENTITY, P_PREFERRED_IDENTITY, REMOTE_PARTY_ID, IDENTITY})
_DIVERTING: Final = frozenset({DIVERSION, HISTORY_INFO})
_NAMES: Final = {FROM: b"From", TO: b"To"}


class Swap:
    """A From or To (`field`) that reads otherwise on the other side: `line`."""

    __slots__ = ("field", "line")

    def __init__(self, field: int, line: bytes) -> None:
        self.field: Final = field
        self.line: Final = line


def fields(message: Message, lines: list[bytes], given: Replacement, own: Listener) -> list[bytes]:
    """
    Replace the fields of `lines` that say who calls, or who diverted; b"" stands for a line that is no more. Returns
    the lines to add.
    """
    gone = (_CALLER if given.caller else frozenset()) | (_DIVERTING if given.diverted else frozenset())
    for index, name in enumerate(message.names):
        if name in gone:
            lines[index] = b""
    return stated(given, own)


def stated(given: Replacement, own: Listener) -> list[bytes]:
    """The field lines that say who calls, or who diverted."""
    added = []
    uri = _uri(given.number.encode("ascii"), own)
    if given.caller:
        added.append(build.addressed(b"P-Asserted-Identity", uri))
    if given.diverted:
        added.append(build.addressed(b"Diversion", uri, b";reason=unknown"))
    if given.hidden:
        added.append(b"Privacy: id")
    return added


def shown(request: Request, given: Replacement, own: Listener) -> Swap | None:
    """The From that a call shows on its way out; None where its own stays."""
    return _swap(FROM, request.from_, _uri(given.number.encode("ascii"), own)) if given.shown else None


def kept(request: Request, given: Replacement) -> bytes:
    """What the route set has to carry so that From and To can be swapped in the dialog; b"" where neither is."""
    uri = request.from_.uri if len(request.from_.uri) <= MAX_KEPT else b""
    return given.number.encode("ascii") + b" " + uri if given.shown else b""


def in_dialog(stamp: Stamp, request: Request, cookie: bytes, own: Listener) -> Swap | None:
    """
    What to swap in a request inside a dialog with this cookie, which has been admitted: From of what the caller
    sends, To of what the callee sends. `own` is the listener that it leaves from.
    """
    number, separator, uri = kept_in(cookie).partition(b" ")
    if not separator:
        return None
    if stamp.made_for(cookie, request.call_id, request.from_tag):
        return _swap(FROM, request.from_, _uri(number, own))
    return _swap(TO, request.to, uri) if uri else None


def received(message: Message, swap: Swap) -> Swap:
    """What undoes a swap in the responses to a request."""
    return Swap(swap.field, message.lines[message.names.index(swap.field)])


def restored(data: bytes, swap: Swap) -> bytes:
    """A response with From or To as its request had it."""
    message = reread(data)
    if swap.field in message.names:
        message.lines[message.names.index(swap.field)] = swap.line
    return build.join(message.first, message.lines, message.body)


def restored_by_route(stamp: Stamp, place: Place, message: Message, data: bytes) -> bytes:
    """
    As `restored`, for a response to a call whose INVITE this process has not seen: by the node's own Record-Route,
    where the response has one. Raises ParseError.
    """
    for value in message.values(RECORD_ROUTE):
        for item in split_values(value):
            known = place.own_record_route(item)
            uri = kept_in(known[1]).partition(b" ")[2] if known is not None else b""
            if known is not None and uri:
                address = parse_name_addr(message.value(FROM), "From")
                ours = stamp.made_for(known[1], message.value(CALL_ID), address.tag)
                return restored(data, _swap(FROM, address, uri)) if ours else data
    return data


def _swap(field: int, address: NameAddr, uri: bytes) -> Swap:
    return Swap(field, build.addressed(_NAMES[field], uri, address.params))


def _uri(number: bytes, own: Listener) -> bytes:
    """A number of this node's domain: a host of the customer's could itself read as a number."""
    return b"sip:%b@%b;user=phone" % (number, own.sent_by.rpartition(b":")[0])
