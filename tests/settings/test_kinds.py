"""Kinds of values: what each one takes, what it becomes, and how a wrong one is named."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from proxy.settings import kinds


def made(kind: Any, value: object) -> object:
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        return error.errors()[0]["type"]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        pytest.param(kinds.Duration, "180s", 180.0, id="seconds"),
        pytest.param(kinds.Duration, "500ms", 0.5, id="milliseconds"),
        pytest.param(kinds.Duration, "1.5h", 5400.0, id="hours"),
        pytest.param(kinds.Duration, "2d", 172800.0, id="days"),
        pytest.param(kinds.Duration, 180, "config.duration", id="duration-without-unit"),
        pytest.param(kinds.Duration, "-1s", "config.duration", id="duration-negative"),
        pytest.param(kinds.Duration, "5 s", "config.duration", id="duration-with-space"),
        pytest.param(kinds.Duration, "5s\n", "config.duration", id="duration-with-line-end"),
        pytest.param(kinds.Duration, "５s", "config.duration", id="duration-full-width"),
        pytest.param(kinds.Percent, "20%", 0.2, id="share"),
        pytest.param(kinds.Percent, "12.5%", 0.125, id="share-with-fraction"),
        pytest.param(kinds.Percent, "100%", 1.0, id="share-of-all"),
        pytest.param(kinds.Percent, "100.1%", "config.percent", id="share-over-all"),
        pytest.param(kinds.Percent, 0.2, "config.percent", id="share-as-number"),
        pytest.param(kinds.Percent, "20", "config.percent", id="share-without-sign"),
        pytest.param(kinds.Address, "192.0.2.1:5060", ("192.0.2.1", 5060), id="ipv4"),
        pytest.param(kinds.Address, "[2001:DB8:0::1]:5060", ("2001:db8::1", 5060), id="ipv6-in-short-form"),
        pytest.param(kinds.Address, "2001:db8::1:5060", "config.address", id="ipv6-without-brackets"),
        pytest.param(kinds.Address, "[192.0.2.1]:5060", "config.address", id="ipv4-in-brackets"),
        pytest.param(kinds.Address, "[fe80::1%eth0]:5060", "config.address", id="ipv6-with-zone"),
        pytest.param(kinds.Address, "192.0.2.1", "config.address", id="no-port"),
        pytest.param(kinds.Address, "192.0.2.1:0", "config.port", id="port-zero"),
        pytest.param(kinds.Address, "192.0.2.1:65536", "config.port", id="port-too-large"),
        pytest.param(kinds.Address, "192.0.2.1:５０６０", "config.address", id="port-full-width"),
        pytest.param(kinds.Address, "localhost:5060", "config.address", id="host-name"),
        pytest.param(kinds.Address, "192.0.2.01:5060", "config.address", id="octal-trap"),
        pytest.param(kinds.Address, "192.0.2.1:5060\n", "config.address", id="line-end"),
        pytest.param(kinds.Address, 5060, "config.quote", id="address-as-number"),
        pytest.param(kinds.Address, ["192.0.2.1"], "config.text", id="address-as-list"),
        pytest.param(kinds.Day, "2027-12-31", date(2027, 12, 31), id="day"),
        pytest.param(kinds.Day, "2027-02-29", "config.day", id="no-such-day"),
        pytest.param(kinds.Day, "20271231", "config.day", id="day-without-dashes"),
        pytest.param(kinds.Day, "2027-W01-1", "config.day", id="day-of-a-week"),
        pytest.param(kinds.Day, 2027, "config.quote", id="year"),
        pytest.param(kinds.Cidr, "198.51.100.7/32", "198.51.100.7/32", id="one-address"),
        pytest.param(kinds.Cidr, "198.51.100.7", "198.51.100.7/32", id="address-is-a-network-of-one"),
        pytest.param(kinds.Cidr, "2001:DB8::/48", "2001:db8::/48", id="ipv6-network"),
        pytest.param(kinds.Cidr, "198.51.100.7/24", "config.cidr_bits", id="bits-behind-the-prefix"),
        pytest.param(kinds.Cidr, "198.51.100.0/33", "config.cidr", id="prefix-too-long"),
        pytest.param(kinds.Cidr, "pbx.example.net", "config.cidr", id="network-by-name"),
        pytest.param(kinds.SipUri, "sip:192.0.2.1", "sip:192.0.2.1", id="uri-without-port"),
        pytest.param(kinds.SipUri, "sip:[2001:db8::1]:5070", "sip:[2001:db8::1]:5070", id="uri-ipv6"),
        pytest.param(kinds.SipUri, "sip:192.0.2.1;transport=udp", "sip:192.0.2.1;transport=udp", id="uri-udp"),
        pytest.param(kinds.SipUri, "sip:192.0.2.1;transport=tcp", "sip:192.0.2.1;transport=tcp", id="uri-tcp"),
        pytest.param(kinds.SipUri, "sip:user@192.0.2.1", "config.sip_uri", id="uri-with-user"),
        pytest.param(kinds.SipUri, "sips:192.0.2.1", "sips:192.0.2.1", id="uri-tls"),
        pytest.param(kinds.SipUri, "sips:192.0.2.1;transport=tcp", "config.sip_uri", id="uri-tls-over-tcp"),
        pytest.param(kinds.TlsName, "sbc.example.net", "sbc.example.net", id="tls-name"),
        pytest.param(kinds.TlsName, "*.example.net", "config.tls_name", id="tls-name-wildcard"),
        pytest.param(kinds.TlsName, "a..b", "config.tls_name", id="tls-name-empty-label"),
        pytest.param(kinds.SipUri, "192.0.2.1:5060", "config.sip_uri", id="uri-without-scheme"),
        pytest.param(kinds.SipUri, "sip:gw.example.net", "sip:gw.example.net", id="uri-host-name"),
        pytest.param(kinds.SipUri, "sip:", "config.host_name", id="uri-without-host"),
        pytest.param(kinds.SipUri, "sip:[192.0.2.1]", "config.sip_uri", id="uri-ipv4-in-brackets"),
        pytest.param(kinds.SipUri, "sip:192.0.2.1:99999", "config.port", id="uri-port"),
        pytest.param(kinds.Name, "acme-1.a_B", "acme-1.a_B", id="name"),
        pytest.param(kinds.Name, "a" * 65, "config.name", id="name-too-long"),
        pytest.param(kinds.Name, "", "config.name", id="name-empty"),
        pytest.param(kinds.Name, "acme 1", "config.name", id="name-with-space"),
        pytest.param(kinds.Name, "号码", "config.name", id="name-not-ascii"),
        pytest.param(kinds.Name, "a\n", "config.name", id="name-with-line-end"),
        pytest.param(kinds.Name, True, "config.text", id="name-boolean"),
        pytest.param(kinds.Number, "+862488880000", "+862488880000", id="number"),
        pytest.param(kinds.Number, "+123", "+123", id="number-shortest"),
        pytest.param(kinds.Number, "+" + "1" * 18, "+" + "1" * 18, id="number-longest"),
        pytest.param(kinds.Number, "+" + "1" * 19, "config.number", id="number-too-long"),
        pytest.param(kinds.Number, "02488880000", "config.number", id="number-national"),
        pytest.param(kinds.Number, "+0123456", "config.number", id="number-with-zero"),
        pytest.param(kinds.Number, "+８６24", "config.number", id="number-full-width"),
        pytest.param(kinds.Number, "+86 24", "config.number", id="number-with-space"),
        pytest.param(kinds.Number, "+8624\n", "config.number", id="number-with-line-end"),
        pytest.param(kinds.Number, 862488880000, "config.quote", id="number-unquoted"),
        pytest.param(kinds.Prefix, "+8624", "+8624", id="prefix"),
        pytest.param(kinds.Prefix, "+8", "config.prefix", id="prefix-of-half-the-world"),
        pytest.param(kinds.Country, "86", "86", id="country"),
        pytest.param(kinds.Country, "+86", "config.country", id="country-with-plus"),
        pytest.param(kinds.Area, "571", "571", id="area"),
        pytest.param(kinds.Area, "", "", id="area-none"),
        pytest.param(kinds.Area, "0571", "config.area", id="area-with-zero"),
        pytest.param(kinds.ShortNumber, "110", "110", id="short-number"),
        pytest.param(kinds.ShortNumber, "1", "config.short_number", id="short-number-too-short"),
        pytest.param(kinds.CallMode, "block", "block", id="mode"),
        pytest.param(kinds.CallMode, "Block", "config.choice", id="mode-in-capitals"),
        pytest.param(kinds.CallMode, True, "config.choice", id="mode-boolean"),
    ],
)
def test_kinds(kind: Any, value: object, expected: object) -> None:
    assert made(kind, value) == expected


@pytest.mark.parametrize("status", kinds.STATUSES)
def test_statuses_of_a_rejection(status: int) -> None:
    assert kinds.PolicyAction(action="reject", status=status).status == status


@pytest.mark.parametrize("status", [200, 302, 401, 407, 700, "403", True, 403.5])
def test_other_statuses_are_refused(status: object) -> None:
    with pytest.raises(PydanticCustomError, match="status"):
        kinds.status_of(status)


@pytest.mark.parametrize("port", [0, 65536])
def test_ports_out_of_range_raise(port: int) -> None:
    with pytest.raises(PydanticCustomError):
        kinds.parse_sip_uri(f"sip:192.0.2.1:{port}")


def test_the_default_port_is_that_of_sip() -> None:
    assert kinds.parse_sip_uri("sip:[::1]")[:2] == ("::1", 5060)
    assert kinds.parse_sip_uri("sip:127.0.0.1:5080")[:2] == ("127.0.0.1", 5080)


@given(st.dates())
def test_every_day_reads_back(day: date) -> None:
    assert kinds.parse_day(day.isoformat()) == day


@given(st.ip_addresses(), st.integers(1, 65535))
def test_every_address_reads_back(ip: Any, port: int) -> None:
    written = f"[{ip}]:{port}" if ip.version == 6 else f"{ip}:{port}"
    if getattr(ip, "scope_id", None) is None:
        assert made(kinds.Address, written) == (str(ip), port)
        assert kinds.parse_sip_uri(f"sip:{written}")[:2] == (str(ip), port)


def test_sections_are_frozen_and_know_no_strange_keys() -> None:
    entry = kinds.PolicyAction(action="tag")
    with pytest.raises(ValidationError):
        setattr(entry, "action", "reject")  # noqa: B010 - mypy knows that it is frozen
    with pytest.raises(ValidationError):
        kinds.PolicyAction.model_validate({"action": "tag", "more": 1})


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("postgresql://tw:secret@db:5432/tw", "postgresql://tw@db:5432/tw"),
        ("postgresql://tw:se:cr@db/tw", "postgresql://tw@db/tw"),
        ("postgresql://db/tw", "postgresql://db/tw"),
        ("sqlite:directory.db", "sqlite:directory.db"),
    ],
)
def test_passwords_are_not_shown(url: str, seen: str) -> None:
    assert kinds.hide_password(url) == seen
