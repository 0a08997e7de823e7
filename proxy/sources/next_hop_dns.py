"""Where a next hop is that is given by name: NAPTR, SRV, A and AAAA, in the order of RFC 3263 §4."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final, TypeAlias

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.resolver
from dns.rdatatype import RdataType

from proxy.settings.kinds import SIP_PORT, SIPS_PORT, Destination, Endpoint
from proxy.sources.names import SHARE, Answer, Found, LookupFailed

SECONDS: Final = 5.0  # for one question; a name may need four rounds of them
MAX_RECORDS: Final = 32  # SRV records of a name that are looked at, in their order
MAX_TARGETS: Final = 16  # addresses of a name; a call tries each of them once at most
_POINTERS: Final = {b"SIP+D2U": "udp", b"SIP+D2T": "tcp", b"SIPS+D2T": "tls"}  # RFC 3263 §4.1
_SERVICES: Final = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
_PORTS: Final = {"tls": SIPS_PORT}
_FAMILIES: Final = {4: RdataType.A, 6: RdataType.AAAA}


@dataclass(frozen=True, slots=True)
class _Offer:
    host: dns.name.Name
    port: int
    transport: str
    priority: int = 0
    weight: int = 0


_Part: TypeAlias = tuple[Endpoint, str, int, float]  # address, transport, priority, weight


class Lookup:
    """
    Asks name servers (of the system where none are given) for addresses of these IP versions (4, 6), by one of these
    transports.
    """

    def __init__(
        self, servers: Sequence[Endpoint], versions: Iterable[int], spoken: Collection[str] = ("udp",)
    ) -> None:
        self._servers = servers
        self._spoken = [transport for transport in _SERVICES if transport in spoken]
        self._resolver: dns.asyncresolver.Resolver | None = None
        self._types = [_FAMILIES[version] for version in sorted(versions)]

    def _asking(self) -> dns.asyncresolver.Resolver:
        """Raises DNSException where the system names no name server."""
        if self._resolver is None:
            made = dns.asyncresolver.Resolver(configure=not self._servers)
            if self._servers:
                made.nameservers = [dns.nameserver.Do53Nameserver(*server) for server in self._servers]
            self._resolver = made
        return self._resolver

    async def find(self, wanted: Destination) -> Answer:
        """
        The addresses of a name. With a port the name is a host's; without one NAPTR and SRV say which hosts, unless
        there are none (RFC 3263 §4.2). Raises LookupFailed.
        """
        usual = wanted.transport or "udp"
        try:
            name = dns.name.from_text(wanted.host)
            if wanted.port:
                return await self._hosts([_Offer(name, wanted.port, usual)], float("inf"))
            services, ttl = await self._services(name, wanted.transport)
            return await self._hosts(services or [_Offer(name, _PORTS.get(usual, SIP_PORT), usual)], ttl)
        except dns.exception.DNSException as error:
            raise LookupFailed(_reason(error)) from error

    async def _services(self, name: dns.name.Name, transport: str) -> tuple[list[_Offer], float]:
        """
        The services of a name; none where it has none. Without a transport NAPTR says by which it is reached; where
        it says nothing, UDP and TCP are tried, and never TLS: who wants that has to say so.
        """
        tried = [transport] if transport else [each for each in self._spoken if each != "tls"]
        where, ttl = [(each, dns.name.from_text(_SERVICES[each], origin=name)) for each in tried], float("inf")
        if not transport:
            records, ttl = await self._ask(name, RdataType.NAPTR)
            ours = [each for each in records if self._pointed(each)]
            ours.sort(key=lambda each: (each.order, each.preference))
            if records and not ours:
                raise LookupFailed("it is reached by transports only that are not spoken here (NAPTR)")
            where = [(_POINTERS[each.service.upper()], each.replacement) for each in ours] or where
        for by, service in where:
            records, lasts = await self._ask(service, RdataType.SRV)
            ttl = min(ttl, lasts)
            if records:
                return _in_order(records, by), ttl
        return [], ttl

    def _pointed(self, record: Any) -> bool:
        """Whether a NAPTR record points to a service by a transport that is spoken."""
        return record.flags.lower() == b"s" and _POINTERS.get(record.service.upper()) in self._spoken

    async def _hosts(self, services: Sequence[_Offer], ttl: float) -> Answer:
        """The addresses of hosts; one that has none is left out, one that cannot be asked about fails them all."""
        names = list(dict.fromkeys(service.host for service in services))
        async with asyncio.TaskGroup() as group:
            asked = {name: group.create_task(self._addresses(name)) for name in names}
        parts: list[_Part] = []
        for service in services:
            held = asked[service.host].result()
            if isinstance(held, dns.exception.DNSException):
                raise held
            ips, lasts = held
            ttl = min(ttl, lasts)
            parts += [
                ((ip, service.port), service.transport, service.priority, service.weight / len(ips)) for ip in ips
            ]
        found = _shared_out(parts)
        if not found:
            raise LookupFailed("it has no address that can be called from here")
        return Answer(found, ttl)

    async def _addresses(self, name: dns.name.Name) -> tuple[list[str], float] | dns.exception.DNSException:
        """The addresses of a host and their time to live, or why nothing is known of it."""
        ips: list[str] = []
        ttl, failed = float("inf"), None
        for kind in self._types:
            try:
                records, lasts = await self._ask(name, kind)
            except dns.exception.DNSException as error:  # many servers fall silent when they are asked for AAAA
                failed = error
                continue
            ips += sorted({each.address for each in records if _is_callable(each.address)})  # servers shuffle them
            ttl = min(ttl, lasts)
        return (ips, ttl) if ips or failed is None else failed

    async def _ask(self, name: dns.name.Name, kind: RdataType) -> tuple[list[Any], float]:
        """The records of one type, none where there are none; and their time to live, that of aliases included."""
        try:
            answer = await self._asking().resolve(name, kind, search=False, lifetime=SECONDS, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return [], float("inf")
        if answer.rrset is None:
            return [], float("inf")
        return list(answer.rrset)[:MAX_RECORDS], float(answer.chaining_result.minimum_ttl)


def _in_order(records: Sequence[Any], transport: str) -> list[_Offer]:
    """SRV records by priority. Raises LookupFailed for a service that is said not to be there (RFC 2782)."""
    if len(records) == 1 and records[0].target == dns.name.root:
        raise LookupFailed("it offers no SIP (SRV)")
    services = [_Offer(each.target, each.port, transport, each.priority, each.weight) for each in records]
    return sorted(services, key=lambda each: (each.priority, -each.weight, each.host, each.port))


def _shared_out(parts: Sequence[_Part]) -> tuple[Found, ...]:
    """Addresses, each once, with the weights of each priority as parts of `SHARE`; without any weight, alike."""
    once: dict[Endpoint, _Part] = {}
    for part in parts:
        once.setdefault(part[0], part)
    kept = list(once.values())[:MAX_TARGETS]
    totals: dict[int, float] = {}
    counts: dict[int, int] = {}
    for _, _, priority, weight in kept:
        totals[priority] = totals.get(priority, 0.0) + weight
        counts[priority] = counts.get(priority, 0) + 1
    return tuple(
        Found(
            address,
            priority,
            round(SHARE * weight / totals[priority]) if totals[priority] else SHARE // counts[priority],
            transport,
        )
        for address, transport, priority, weight in kept
    )


def _is_callable(address: str) -> bool:
    ip = ip_address(address)
    return not (ip.is_multicast or ip.is_unspecified)


def _reason(error: dns.exception.DNSException) -> str:
    """Why a name could not be resolved, in a few words and without the question."""
    if isinstance(error, dns.exception.Timeout):
        return "no name server answered in time"
    if isinstance(error, dns.resolver.NoNameservers):
        return "the name servers refused or failed"
    return type(error).__name__
