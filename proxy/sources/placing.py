"""From the URIs of next hops and gateways to addresses in the order of failover, with what names stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from proxy.call.directory import Directory
from proxy.core.place import Listener
from proxy.settings.kinds import Destination, Endpoint, parse_sip_uri
from proxy.settings.model import Settings
from proxy.sources.names import SHARE, Find, Found

Known: TypeAlias = Mapping[Destination, tuple[Found, ...]]
NOTHING: Final[Known] = MappingProxyType({})


class Placed(NamedTuple):
    """One address; `fixed` says that the transport was asked for by its URI and must stay."""

    address: Endpoint
    transport: str
    fixed: bool
    priority: int
    weight: int

    @property
    def way(self) -> tuple[str, str]:
        """IP address and transport: what a listener is chosen by."""
        return self.address[0], self.transport


def wanted(settings: Settings, directory: Directory) -> tuple[list[Destination], Find | None, float]:
    """
    What `Names.want` takes: the names among next hops and gateways, each once; what looks them up, by the transports
    and for the IP versions that there are listeners for; and for how long an answer is kept.
    """
    uris = [hop.uri for hop in settings.core.next_hops]
    uris += [uri for trunk in directory.trunks.values() for uri in trunk.gateway]
    names = [each for each in map(parse_sip_uri, dict.fromkeys(uris)) if each.is_name]
    if not names:
        return [], None, settings.dns.keep
    # only who has names pays for dnspython
    from proxy.sources.next_hop_dns import Lookup  # noqa: PLC0415

    versions = {ip_address(item.address[0]).version for item in settings.listen}
    lookup = Lookup(settings.dns.servers, versions, {item.transport for item in settings.listen})
    return names, lookup.find, settings.dns.keep


def placed(hops: Iterable[tuple[str, int, int]], known: Known, listeners: Iterable[Listener] = ()) -> list[Placed]:
    """
    Addresses of next hops (URI, priority, weight), each once, with one priority and one weight: what a name stands
    for shares out its weight, and its SRV priorities stand within its own. Of a name none is an address of the node
    itself, or one that no listener can reach.
    """
    read = [(parse_sip_uri(uri), priority, weight) for uri, priority, weight in hops]
    named = any(where.is_name for where, _, _ in read)
    own = {(each.host, each.port) for each in listeners} | {each.bound for each in listeners}
    ways = {(each.transport, each.is_ipv6) for each in listeners}
    found: dict[tuple[Endpoint, str], tuple[bool, tuple[int, int], int]] = {}
    for where, priority, weight in read:
        fixed = where.transport == "udp"
        if not where.is_name:
            way = (where.host, where.port), where.transport or "udp"
            found.setdefault(way, (fixed, (priority, 0), weight * (SHARE if named else 1)))
            continue
        held = [each for each in known.get(where, ()) if each.address not in own]
        held = [each for each in held if (each.transport, ":" in each.address[0]) in ways]
        inner = {each: rank for rank, each in enumerate(sorted({each.priority for each in held}))}
        for each in held:
            more = fixed, (priority, inner[each.priority]), weight * each.weight
            found.setdefault((each.address, each.transport), more)
    ranks = {pair: rank if named else pair[0] for rank, pair in enumerate(sorted({each[1] for each in found.values()}))}
    return [Placed(*way, fixed, ranks[pair], weight) for way, (fixed, pair, weight) in found.items()]


def peer_names(settings: Settings, directory: Directory, known: Known = NOTHING) -> dict[Endpoint, tuple[str, ...]]:
    """
    The names that certificates may have at the addresses of next hops and gateways: those that they are given, else the
    name that stands in the URI, whatever SRV makes of it (RFC 5922 §4).
    """
    hops: list[tuple[str, tuple[str, ...]]]
    hops = [(hop.uri, () if hop.tls_name is None else (hop.tls_name,)) for hop in settings.core.next_hops]
    hops += [(uri, trunk.tls_names) for trunk in directory.trunks.values() for uri in trunk.gateway]
    names: dict[Endpoint, tuple[str, ...]] = {}
    for uri, given in hops:
        where = parse_sip_uri(uri)
        believed = given or ((where.host,) if where.is_name else ())
        places = [each.address for each in known.get(where, ())] if where.is_name else [(where.host, where.port)]
        for place in places if believed else ():
            names[place] = tuple(dict.fromkeys((*names.get(place, ()), *believed)))
    return names
