"""
The verdict as a redirection, for an SBC that routes its calls itself and only asks (role dip): 302 with what the call
is to carry on, or the rejection. There is no dialog and nothing to end.
"""

from __future__ import annotations

from typing import Final

from proxy.call.directory import Directory
from proxy.call.trunk import Trunk
from proxy.checks.base import UNMARKED, Marks
from proxy.core import forward, replaced, verstat
from proxy.core.admit import trunk_group
from proxy.core.place import Hop
from proxy.core.state import Context, State
from proxy.sip.message import Message

NAMING: Final = b"x-trunkward-trunk"
REDIRECTED: Final = 302


def dipped(directory: Directory, peer: Trunk, message: Message) -> Trunk | None:
    """
    The trunk whose call a dip peer asks about: it names it, by id in X-Trunkward-Trunk or by id or group in the tgrp
    of Contact (RFC 4904). None where it names none, or may not ask.
    """
    if peer.suspended or peer.customer.suspended:
        return None
    named = _named(message)
    name = trunk_group(message) if named is None else named
    trunk = directory.trunks.get(name) if name else None
    if trunk is None and name:
        grouped = [each for each in directory.trunks.values() if each.tgrp == name]
        trunk = grouped[0] if len(grouped) == 1 else None
    return trunk if trunk is not None and trunk.role in ("access", "peer") else None


def fields(state: State, context: Context, marks: Marks = UNMARKED, advice: str = "") -> tuple[bytes, ...]:
    """
    The field lines of a 302: Contact is where the call was to go (the SBC's own address instead of this node's), the
    others are what the call has to carry in place of its own.
    """
    request = context.request
    uri = request.message.uri
    if request.uri.scheme == b"sip" and state.place.own(request.uri) is not None:
        listener = state.place.listeners[context.listener]
        there = state.back(request, context.source, listener.index) if listener.is_stream else context.source
        uri = forward.at_hop(request.uri, Hop(there, listener.index, listener.transport))
    lines = [b"Contact: <" + uri + b">"]
    if marks.replacement is not None:
        lines += replaced.stated(marks.replacement, state.place.listeners[context.listener])
    if marks.verstat:
        lines += verstat.asserted(request.message, marks.verstat.encode("ascii"))
    lines += [f"{name}: {value}".encode("ascii") for name, value in marks.fields]
    if advice:
        lines.append(b"Reason: " + advice.encode("ascii", "replace"))
    return tuple(lines)


def _named(message: Message) -> str | None:
    """
    The value of the field that names a trunk; None where it does not stand there. "" where it stands twice: one may be
    the customer's own, who may have written the Contact as well.
    """
    found = [value for name, _, value in (line.partition(b":") for line in message.lines) if _is_naming(name)]
    if not found:
        return None
    return found[0].strip(b" \t").decode("utf-8", "replace") if len(found) == 1 else ""


def _is_naming(name: bytes) -> bool:
    return name.rstrip(b" \t").lower() == NAMING
