"""Addresses that must not be connected to."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest

from stirshaken.addresses import IPV4, IPV6, refused

# Every row of RFC 6890 §2.2.2 and §2.2.3, but 64:ff9b::/96, whose inner address decides.
RFC6890 = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.0.0/29", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "240.0.0.0/4", "255.255.255.255/32",
    "::1/128", "::/128", "::ffff:0:0/96", "100::/64", "2001::/23", "2001::/32", "2001:2::/48", "2001:db8::/32",
    "2001:10::/28", "2002::/16", "fc00::/7", "fe80::/10",
]  # fmt: skip
# What IANA has added since, what has been taken out, and multicast.
LATER = [
    "192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24", "192.0.0.8/32", "224.0.0.0/4", "239.255.255.255/32",
    "64:ff9b:1::/48", "100:0:0:1::/64", "2001:3::/32", "2001:4:112::/48", "2001:20::/28", "2001:30::/28", "2620:4f:8000::/48",
    "3fff::/20", "5f00::/16", "fec0::/10", "ff00::/8", "ff02::1/128", "::/96", "::ffff:0:0:0/96",
]  # fmt: skip


@pytest.mark.parametrize("row", [*RFC6890, *LATER])
def test_special_ranges_from_end_to_end(row: str) -> None:
    network = ip_network(row)
    for address in (network[0], network[network.num_addresses // 2], network[-1]):
        assert refused(str(address)) is not None


@pytest.mark.parametrize(
    "text",
    [
        "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
        "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.88.98.255", "192.88.100.0",
        "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255",
        "203.0.114.0", "223.255.255.255", "8.8.8.8",
        "2000::", "2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::", "2003::", "2606:4700::1111",
        "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::", "64:ff9b::8.8.8.8", "64:ff9b::808:808",
    ],
)  # fmt: skip
def test_neighbours_are_public(text: str) -> None:
    assert refused(text) is None
    assert refused(text, private=True) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("::ffff:127.0.0.1", "IPv4-mapped"),
        ("::ffff:8.8.8.8", "IPv4-mapped"),
        ("::ffff:0:7f00:1", "IPv4-translated"),
        ("::127.0.0.1", "IPv4-compatible"),
        ("::8.8.8.8", "IPv4-compatible"),
        ("2002:7f00:1::", "6to4"),
        ("2002:808:808::1", "6to4"),
        ("2001:0:4136:e378:8000:63bf:80ff:fffe", "Teredo"),
        ("64:ff9b::127.0.0.1", "NAT64 of loopback"),
        ("64:ff9b::a9fe:a9fe", "NAT64 of link local"),
        ("64:ff9b::10.0.0.1", "NAT64 of private use"),
        ("64:ff9b::224.0.0.1", "NAT64 of multicast"),
        ("64:ff9b:0:0:0:1:808:808", "reserved"),
        ("64:ff9b:1::8.8.8.8", "local NAT64"),
        ("fe80::1%2", "scoped"),
        ("2606:4700::1111%eth0", "scoped"),
        ("::1%1", "scoped"),
        ("4000::1", "reserved"),
        ("1::", "reserved"),
        ("224.0.0.1", "multicast"),
        ("169.254.169.254", "link local"),
        ("255.255.255.255", "reserved"),
    ],
)
def test_what_hides_another_is_refused_even_in_a_laboratory(text: str, name: str) -> None:
    assert refused(text) == name
    assert refused(text, private=True) == name


@pytest.mark.parametrize(
    "text", ["127.0.0.1", "127.255.255.254", "::1", "10.1.2.3", "172.31.0.1", "192.168.0.1", "100.64.0.1", "fd00::1"]
)
def test_a_laboratory_may_have_private_addresses(text: str) -> None:
    assert refused(text) is not None
    assert refused(text, private=True) is None


@pytest.mark.parametrize(
    "text", ["", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "010.0.0.1", "1.2.3.4 ", "1.2.3.4\n", "１.2.3.4", "[::1]", "1.2.3.4/32", "\0"]
)  # fmt: skip
def test_no_address(text: str) -> None:
    assert refused(text) == "no address"
    assert refused(text, private=True) == "no address"


def test_what_python_calls_not_global_is_refused_too() -> None:
    """A second opinion on each end of each range, and on what lies beside it."""
    for special in (*IPV4, *IPV6):
        first, last = int(special.network[0]), int(special.network[-1])
        make = IPv4Address if special.network.version == 4 else IPv6Address
        for number in {first, last, max(first - 1, 0), min(last + 1, 2**special.network.max_prefixlen - 1)}:
            address = make(number)
            assert refused(str(address)) is not None or (address.is_global and address not in special.network), address
