"""From where a request comes to whose trunk it is (RFC 4904 for trunk groups)."""

from __future__ import annotations

from collections.abc import Collection

from proxy.call.directory import Directory
from proxy.call.trunk import Trunk
from proxy.sip.errors import ParseError
from proxy.sip.fields import parse_name_addr, split_values
from proxy.sip.message import CONTACT, Message
from proxy.sip.uri import parse_uri


class Admission:
    """Which trunks may send from an address; the core side is a trunk of its own, of role core."""

    __slots__ = ("_addresses", "_core", "directory")

    def __init__(self, directory: Directory, core: Trunk, addresses: Collection[str]) -> None:
        """`core` stands for the core side, `addresses` are the IP addresses of its next hops."""
        self.directory = directory
        self._core = (core,)
        self._addresses = frozenset(addresses)

    def candidates(self, ip: str, names: tuple[str, ...] = ()) -> tuple[Trunk, ...]:
        """
        Every trunk that `ip` may speak for; empty for a stranger. Whom a certificate `names` counts before where
        somebody is.
        """
        if names:
            named = self.directory.named(names)
            if named:
                return named
        trunks = self.directory.at(ip)
        return trunks if trunks or ip not in self._addresses else self._core

    def settle(self, candidates: tuple[Trunk, ...], message: Message) -> Trunk | None:
        """
        The one trunk among those of an address: by the trunk group in Contact (RFC 4904 §5), else the first
        trunk that has no group. None when the request names a group that no candidate has, or has no group
        where every candidate needs one.
        """
        if len(candidates) == 1 and not candidates[0].tgrp:
            return candidates[0]
        group = trunk_group(message)
        for trunk in candidates:
            if trunk.tgrp == group:
                return trunk
        return None


def trunk_group(message: Message) -> str:
    """The tgrp parameter of the Contact URI's user part, "" when there is none."""
    values = split_values(message.value(CONTACT))
    if not values or b"tgrp" not in values[0].lower():
        return ""
    try:
        user = parse_uri(parse_name_addr(values[0], "Contact").uri).user
    except ParseError:
        return ""
    for item in user.split(b";")[1:]:
        name, _, value = item.partition(b"=")
        if name.lower() == b"tgrp":
            return value.decode("utf-8", "replace")
    return ""
