"""NAPTR, SRV, A and AAAA as RFC 3263 wants them, from a real name server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from proxy.settings.kinds import Destination
from proxy.sources import next_hop_dns
from proxy.sources.names import SHARE, Answer, LookupFailed
from proxy.sources.next_hop_dns import MAX_TARGETS, Lookup
from tests.name_server import NameServer

NAPTR, SRV, A, AAAA = "NAPTR", "SRV", "A", "AAAA"
NAME = "carrier.example.com"
SIP = f"_sip._udp.{NAME}"


@pytest.fixture
def server() -> Iterator[NameServer]:
    with NameServer({}) as made:
        yield made


def found(server: NameServer, wanted: Destination, *versions: int) -> Answer:
    return asyncio.run(Lookup([server.address], versions or (4,)).find(wanted))


def seen(answer: Answer) -> list[tuple[str, int, int]]:
    """Addresses with their priority and their weight in per cent."""
    return [(f"{each.address[0]}:{each.address[1]}", each.priority, round(100 * each.weight / SHARE)) for each in answer.found]  # fmt: skip


def test_services_by_priority_and_weight(server: NameServer) -> None:
    server.records = {
        (SIP, SRV): ["20 0 5080 c.example.com.", "10 30 5070 a.example.com.", "10 10 5060 b.example.com."],
        ("a.example.com", A): ["10.0.0.1"],
        ("b.example.com", A): ["10.0.0.2", "10.0.0.3"],
        ("c.example.com", A): ["10.0.0.4"],
    }
    answer = found(server, Destination(NAME, 0))
    assert seen(answer) == [
        ("10.0.0.1:5070", 10, 75),
        ("10.0.0.2:5060", 10, 12),
        ("10.0.0.3:5060", 10, 12),
        ("10.0.0.4:5080", 20, 100),  # the only one of its priority
    ]
    assert answer.ttl == 60.0
    assert server.asked[NAME, NAPTR] == 1


def test_pointers_lead_to_the_service(server: NameServer) -> None:
    server.records = {
        (NAME, NAPTR): [
            '10 10 "s" "SIPS+D2T" "" _sips._tcp.example.com.',
            '20 20 "s" "SIP+D2U" "" second.example.com.',
            '20 10 "S" "sip+d2u" "" first.example.com.',
            '5 1 "u" "SIP+D2U" "!.*!x!" .',
        ],
        ("first.example.com", SRV): ["1 1 5060 a.example.com."],
        ("second.example.com", SRV): ["1 1 5060 b.example.com."],
        ("a.example.com", A): ["10.0.0.1"],
    }
    assert seen(found(server, Destination(NAME, 0))) == [("10.0.0.1:5060", 1, 100)]
    assert ("second.example.com", SRV) not in server.asked


@pytest.mark.parametrize(
    ("wanted", "records", "expected", "never"),
    [
        pytest.param(Destination(NAME, 5070), {(NAME, A): ["10.0.0.1"]}, "10.0.0.1:5070", (NAME, NAPTR), id="a port: the host alone"),
        pytest.param(Destination(NAME, 0), {(NAME, A): ["10.0.0.1"]}, "10.0.0.1:5060", ("", A), id="no services: the host at 5060"),
        pytest.param(Destination(NAME, 0, "udp"), {(SIP, SRV): ["1 1 5090 a.b."], ("a.b", A): ["10.0.0.1"]}, "10.0.0.1:5090", (NAME, NAPTR), id="a transport: no pointers"),
        pytest.param(Destination(NAME, 0), {(SIP, SRV): ["1 1 5090 a.b."], ("a.b", "CNAME"): ["c.d."], ("c.d", A): ["10.0.0.1"]}, "10.0.0.1:5090", ("", A), id="an alias"),
    ],
)  # fmt: skip
def test_where_the_procedure_ends(
    server: NameServer,
    wanted: Destination,
    records: dict[tuple[str, str], list[str]],
    expected: str,
    never: tuple[str, str],
) -> None:
    server.records = records
    assert [address for address, _, _ in seen(found(server, wanted))] == [expected]
    assert never not in server.asked


SECURE, STREAM = f"_sips._tcp.{NAME}", f"_sip._tcp.{NAME}"
POINTERS = [
    '1 1 "s" "SIPS+D2T" "" _sips._tcp.carrier.example.com.',
    '2 1 "s" "SIP+D2U" "" _sip._udp.carrier.example.com.',
]


@pytest.mark.parametrize(
    ("wanted", "records", "spoken", "expected"),
    [
        pytest.param(Destination(NAME, 0), {(NAME, NAPTR): POINTERS}, ("udp", "tls"), ("10.0.0.3", 5061, "tls"), id="the best pointer that is spoken"),
        pytest.param(Destination(NAME, 0), {(NAME, NAPTR): POINTERS}, ("udp", "tcp"), ("10.0.0.1", 5060, "udp"), id="tls is not"),
        pytest.param(Destination(NAME, 0), {}, ("tcp", "tls"), ("10.0.0.2", 5062, "tcp"), id="no pointers: what is spoken, never tls"),
        pytest.param(Destination(NAME, 0, "tls"), {}, ("udp", "tls"), ("10.0.0.3", 5061, "tls"), id="tls that is asked for"),
        pytest.param(Destination("host.example", 0, "tls"), {}, ("udp", "tls"), ("10.0.0.9", 5061, "tls"), id="tls without services"),
        pytest.param(Destination("host.example", 0, "tcp"), {}, ("udp", "tcp"), ("10.0.0.9", 5060, "tcp"), id="tcp without services"),
        pytest.param(Destination("host.example", 7, "tcp"), {}, ("udp", "tcp"), ("10.0.0.9", 7, "tcp"), id="tcp with a port"),
    ],
)  # fmt: skip
def test_the_transport_that_is_chosen(
    server: NameServer,
    wanted: Destination,
    records: dict[tuple[str, str], list[str]],
    spoken: tuple[str, ...],
    expected: tuple[str, int, str],
) -> None:
    server.records = records | {
        (SIP, SRV): ["1 1 5060 a.b."],
        (STREAM, SRV): ["1 1 5062 c.d."],
        (SECURE, SRV): ["1 1 5061 e.f."],
        ("a.b", A): ["10.0.0.1"],
        ("c.d", A): ["10.0.0.2"],
        ("e.f", A): ["10.0.0.3"],
        ("host.example", A): ["10.0.0.9"],
    }
    (each,) = asyncio.run(Lookup([server.address], (4,), spoken).find(wanted)).found
    assert (*each.address, each.transport) == expected


def test_both_families_where_both_are_spoken(server: NameServer) -> None:
    server.records = {(NAME, A): ["10.0.0.1"], (NAME, AAAA): ["2001:db8::1"]}
    wanted = Destination(NAME, 5060)
    assert [each.address[0] for each in found(server, wanted, 4, 6).found] == ["10.0.0.1", "2001:db8::1"]
    assert [each.address[0] for each in found(server, wanted, 6).found] == ["2001:db8::1"]


def test_an_answer_that_is_too_long_for_a_datagram(server: NameServer) -> None:
    server.truncates = True
    server.records = {(NAME, A): [f"10.0.{index // 250}.{index % 250 + 1}" for index in range(900)]}
    answer = found(server, Destination(NAME, 5060))
    assert len(answer.found) == MAX_TARGETS
    assert sum(each.weight for each in answer.found) <= SHARE


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        pytest.param({}, "no address", id="no such name"),
        pytest.param({(NAME, "TXT"): ["x"]}, "no address", id="no addresses"),
        pytest.param({(NAME, A): ["224.0.0.1", "0.0.0.0"]}, "no address", id="addresses of nobody"),
        pytest.param({(SIP, SRV): ["0 0 0 ."], (NAME, A): ["10.0.0.1"]}, "offers no SIP", id="a service that is not there"),
        pytest.param({(SIP, SRV): ["1 1 5060 gone.example.com."], (NAME, A): ["10.0.0.1"]}, "no address", id="a service without a host"),
        pytest.param({(NAME, NAPTR): ['1 1 "s" "SIPS+D2T" "" x.'], (NAME, A): ["10.0.0.1"]}, "not spoken here", id="other transports"),
    ],
)  # fmt: skip
def test_names_that_lead_nowhere(server: NameServer, records: dict[tuple[str, str], list[str]], reason: str) -> None:
    server.records = records
    with pytest.raises(LookupFailed, match=reason):
        found(server, Destination(NAME, 0))


def test_name_servers_that_fail(server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer about the services is no leave to take the host instead."""
    monkeypatch.setattr(next_hop_dns, "SECONDS", 0.3)
    server.records = {(NAME, A): ["10.0.0.1"]}
    for failing, reason in (("silent", "in time"), ("servfail", "refused or failed")):
        server.failing = failing  # type: ignore[assignment]
        with pytest.raises(LookupFailed, match=reason):
            found(server, Destination(NAME, 0))
    server.failing = ""
    server.mute = {SRV}
    with pytest.raises(LookupFailed, match="in time"):
        found(server, Destination(NAME, 0))


def test_a_server_that_is_silent_about_the_other_family(server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(next_hop_dns, "SECONDS", 0.3)
    server.records = {(NAME, A): ["10.0.0.1"]}
    server.mute = {AAAA}
    assert [each.address[0] for each in found(server, Destination(NAME, 5060), 4, 6).found] == ["10.0.0.1"]


def test_a_service_whose_host_cannot_be_asked_about_fails_them_all(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(next_hop_dns, "SECONDS", 0.3)
    server.records = {(SIP, SRV): ["1 1 5060 a.b."], ("a.b", A): ["10.0.0.1"]}
    server.mute = {A}
    with pytest.raises(LookupFailed, match="in time"):
        found(server, Destination(NAME, 0))
