"""Which addresses may be connected to: an explicit table, because `ipaddress.is_global` lets too much through."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final


@dataclass(frozen=True, slots=True)
class Special:
    """A range that is no public Internet; `private` where a laboratory may be allowed to use it."""

    network: IPv4Network | IPv6Network
    name: str
    private: bool = False


def _table(*rows: tuple[str, str, bool]) -> tuple[Special, ...]:
    return tuple(Special(ip_network(network), name, private) for network, name, private in rows)


# RFC 6890 §2.2, the IANA special-purpose address registries since then, and multicast; the first match names it.
IPV4: Final = _table(
    ("0.0.0.0/8", "this network", False),
    ("10.0.0.0/8", "private use", True),
    ("100.64.0.0/10", "shared address space", True),
    ("127.0.0.0/8", "loopback", True),
    ("169.254.0.0/16", "link local", False),
    ("172.16.0.0/12", "private use", True),
    ("192.0.0.0/24", "protocol assignments", False),
    ("192.0.2.0/24", "documentation", False),
    ("192.31.196.0/24", "AS112", False),
    ("192.52.193.0/24", "AMT", False),
    ("192.88.99.0/24", "6to4 relay", False),
    ("192.168.0.0/16", "private use", True),
    ("192.175.48.0/24", "AS112", False),
    ("198.18.0.0/15", "benchmarking", False),
    ("198.51.100.0/24", "documentation", False),
    ("203.0.113.0/24", "documentation", False),
    ("224.0.0.0/4", "multicast", False),
    ("240.0.0.0/4", "reserved", False),
)
# Ranges that hold an IPv4 address are refused whatever it is, for no public name needs them; NAT64 apart (below).
IPV6: Final = _table(
    ("::/128", "unspecified", False),
    ("::1/128", "loopback", True),
    ("::ffff:0:0/96", "IPv4-mapped", False),
    ("::ffff:0:0:0/96", "IPv4-translated", False),
    ("::/96", "IPv4-compatible", False),
    ("64:ff9b:1::/48", "local NAT64", False),
    ("100::/64", "discard only", False),
    ("100:0:0:1::/64", "dummy prefix", False),
    ("2001::/32", "Teredo", False),
    ("2001:2::/48", "benchmarking", False),
    ("2001:10::/28", "ORCHID", False),
    ("2001::/23", "protocol assignments", False),
    ("2001:db8::/32", "documentation", False),
    ("2002::/16", "6to4", False),
    ("2620:4f:8000::/48", "AS112", False),
    ("3fff::/20", "documentation", False),
    ("fc00::/7", "unique local", True),
    ("fe80::/10", "link local", False),
    ("fec0::/10", "site local", False),
    ("ff00::/8", "multicast", False),
)
# Networks without IPv4 reach the rest of the world through this prefix (RFC 6052), so the address within decides.
NAT64: Final = IPv6Network("64:ff9b::/96")
# All that IANA has given out as global unicast lies here; the rest of IPv6 is reserved (RFC 4291 §2.4).
GLOBAL_UNICAST: Final = IPv6Network("2000::/3")


RESERVED: Final = Special(IPv6Network("::/0"), "reserved")
SCOPED: Final = Special(IPv6Network("fe80::/10"), "scoped")


def refused(text: str, *, private: bool = False) -> str | None:
    """
    Why an address, as text, must not be connected to: the name of its range; None if it may be.

    `private` permits loopback and private ranges, written plainly, and nothing else. Never raises.
    """
    try:
        special = _special(ip_address(text))
    except ValueError:
        return "no address"
    if special is None or (private and special.private):
        return None
    return special.name


def _special(address: IPv4Address | IPv6Address) -> Special | None:
    if isinstance(address, IPv4Address):
        return _first(IPV4, address)
    if address.scope_id is not None:
        return SCOPED
    if address in NAT64:
        inner = _first(IPV4, IPv4Address(address.packed[12:]))
        return inner and Special(NAT64, f"NAT64 of {inner.name}")
    return _first(IPV6, address) or (None if address in GLOBAL_UNICAST else RESERVED)


def _first(table: tuple[Special, ...], address: IPv4Address | IPv6Address) -> Special | None:
    return next((special for special in table if address in special.network), None)
