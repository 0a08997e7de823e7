"""Calls over TCP and TLS: SIPp, Kamailio and bare sockets, and from one transport to another."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import ssl
import time
from pathlib import Path
from typing import Any, Final

import pytest

from tests.wire.certificates import Certificates
from tests.wire.peers import CALLER, CORE, STRANGER, absent, free_port
from tests.wire.play import Load
from tests.wire.stage import Stage
from tests.wire.trunkward import Proxy, Setting

TCP, TLS = ";transport=tcp", ";transport=tls"
KAMAILIO_TLS = Path(__file__).with_name("tls.cfg")
HOLD = Load(hold=150)


def tcp_proxy(stage: Stage, core_port: int, **more: Any) -> tuple[Proxy, tuple[str, int]]:
    """A node that listens on UDP and on TCP; the address of the second."""
    port = free_port()
    listen = f'  - {{name: access-tcp, transport: tcp, address: "{CORE}:{port}"}}\n'
    return stage.proxy(Setting(core_port, listen=listen, **more)), (CORE, port)


@pytest.mark.parametrize(
    ("caller_by", "callee_by", "workers"), [("u1", "t1", 1), ("t1", "u1", 1), ("tn", "t1", 1), ("t1", "t1", 2)]
)
@pytest.mark.parametrize(
    ("ends", "hears"), [("caller_answered", "callee_answered"), ("caller_hears_bye", "callee_hangs_up")]
)
def test_calls_from_one_transport_to_another(
    stage: Stage, caller_by: str, callee_by: str, workers: int, ends: str, hears: str
) -> None:
    """Set up and hung up by either side."""
    port = free_port()
    proxy, tcp = tcp_proxy(stage, port, by=TCP if callee_by != "u1" else "", workers=workers)
    callee = stage.callee(hears, Load(calls=5, transport=callee_by), at=(CORE, port))
    to = proxy.address if caller_by == "u1" else tcp
    caller = stage.caller(ends, to, load=Load(calls=5, transport=caller_by))

    assert caller.wait().succeeded == callee.wait().succeeded == 5
    ends_ = proxy.wait_records("call.end", 5)
    assert {end["listener"] for end in ends_} == {"access" if caller_by == "u1" else "access-tcp"}
    assert proxy.metrics()["trunkward_retransmissions_total",] == 0
    proxy.stop()


@pytest.mark.parametrize(
    ("ends", "hears"), [("caller_answered", "callee_answered"), ("caller_hears_bye", "callee_hangs_up")]
)
def test_udp_to_tls_through_kamailio(stage: Stage, tmp_path: Path, ends: str, hears: str) -> None:
    """A trunk over UDP, a core side that takes TLS with certificates alone; either side hangs up."""
    made, tls, hop, udp = Certificates(tmp_path / "ca"), free_port(), free_port(), free_port()
    callee = stage.callee(hears, HOLD)
    proxy = stage.proxy(Setting(hop, listen=made.listener(CORE, tls), by=TLS))
    phone, trunkward = f'"sip:{CORE}:{callee.port}"', f'"sip:{CORE}:{tls};transport=tls"'
    kamailio = stage.kamailio(KAMAILIO_TLS, udp, _kamailio(made, CORE, hop, udp, phone, trunkward))
    caller = stage.caller(ends, proxy.address, load=HOLD)

    assert caller.wait().succeeded == callee.wait().succeeded == 1

    (end,) = proxy.wait_records("call.end", 1)
    assert (end["answered"], end["next_hop"]) == (True, f"{CORE}:{hop};transport=tls")
    kamailio.stop()
    proxy.stop()


@pytest.mark.parametrize(
    ("ends", "hears"), [("caller_answered", "callee_answered"), ("caller_hears_bye", "callee_hangs_up")]
)
def test_tls_to_udp_from_a_trunk_known_by_its_certificate(stage: Stage, tmp_path: Path, ends: str, hears: str) -> None:
    """A customer's Kamailio at an address that is nobody's; either side hangs up."""
    made, tls, edge, udp = Certificates(tmp_path / "ca"), free_port(), free_port(), free_port()
    callee = stage.callee(hears, HOLD)
    trunk = "    tls_names: [pbx.acme.example]\n"
    proxy = stage.proxy(Setting(callee.port, listen=made.listener(CORE, tls), more=trunk))
    trunkward = f'"sip:{CORE}:{tls};transport=tls"'
    values = _kamailio(made, STRANGER, edge, udp, '"sip:127.0.0.1:9"', trunkward, "pbx.acme.example")
    kamailio = stage.kamailio(KAMAILIO_TLS, udp, values)
    caller = stage.caller(ends, (STRANGER, udp), load=HOLD)

    assert caller.wait().succeeded == callee.wait().succeeded == 1

    (end,) = proxy.wait_records("call.end", 1)
    assert (end["trunk"], end["listener"], end["source"].partition(":")[0]) == ("acme-1", "tls", STRANGER)
    kamailio.stop()
    proxy.stop()


def _kamailio(
    made: Certificates, host: str, tls: int, udp: int, phone: str, trunkward: str, name: str = CORE
) -> dict[str, str]:
    if not any(Path("/usr/lib").glob("*/kamailio/modules/tls.so")):
        absent("Kamailio's tls module is missing: apt-get install kamailio-tls-modules")
    certificate, key = made.issue("kamailio", name, host)
    return {
        "LISTEN_TLS": f"tls:{host}:{tls}",
        "LISTEN": f"udp:{host}:{udp}",
        "SOURCE": host,
        "CERTIFICATE": f'"{certificate}"',
        "KEY": f'"{key}"',
        "CA": f'"{made.ca}"',
        "PHONE": phone,
        "TRUNKWARD": trunkward,
    }


def asks(to: tuple[str, int], context: ssl.SSLContext | None, host: str = CALLER) -> bytes:
    """What comes back for an OPTIONS, b"" where the connection ends instead."""
    with socket.create_connection(to, 5, source_address=(host, 0)) as plain:
        try:
            with plain if context is None else context.wrap_socket(plain, server_hostname=to[0]) as sock:
                sock.sendall(_options(to, host, sock.getsockname()[1]))
                return sock.recv(65536)
        except OSError:
            return b""


def _options(to: tuple[str, int], host: str, port: int) -> bytes:
    lines = (
        f"OPTIONS sip:{to[0]}:{to[1]} SIP/2.0",
        f"Via: SIP/2.0/TLS {host}:{port};branch=z9hG4bK-{port}",
        f"From: <sip:a@{host}>;tag=a",
        f"To: <sip:{to[0]}>",
        f"Call-ID: {port}@{host}",
        "CSeq: 1 OPTIONS",
        "Max-Forwards: 70",
        "Content-Length: 0\r\n\r\n",
    )
    return "\r\n".join(lines).encode()


def test_certificates_let_in_and_keep_out_and_are_renewed(stage: Stage, tmp_path: Path) -> None:
    made, port = Certificates(tmp_path / "ca"), free_port()
    trunk = "    tls_names: [pbx.acme.example]\n"
    proxy = stage.proxy(Setting(free_port(), listen=made.listener(CORE, port), more=trunk))
    to, right = (CORE, port), made.client("pbx.acme.example")
    other = Certificates(tmp_path / "other").client("pbx.acme.example")
    other.load_verify_locations(made.ca)

    assert asks(to, right, STRANGER).startswith(b"SIP/2.0 200 ")
    assert asks(to, made.client("nobody.example")).startswith(b"SIP/2.0 200 ")  # known by its address
    assert asks(to, made.client("nobody.example"), STRANGER) == b""
    assert asks(to, other) == asks(to, made.client()) == asks(to, None) == b""

    before = proxy.metrics()["trunkward_certificate_not_after_timestamp_seconds", "name=listen tls"]
    assert before > 0
    with right.wrap_socket(socket.create_connection(to, 5), server_hostname=CORE) as sock:
        first = sock.getpeercert(binary_form=True)
        certificate, _ = made.issue("trunkward", CORE)
        assert proxy.hang_up()["ok"]
        sock.sendall(_options(to, CALLER, 5060))  # what is open stays
        assert sock.recv(65536).startswith(b"SIP/2.0 200 ")
    with right.wrap_socket(socket.create_connection(to, 5), server_hostname=CORE) as sock:
        assert sock.getpeercert(binary_form=True) != first
    certificate.write_text("no certificate")
    assert not proxy.hang_up()["ok"]
    assert asks(to, right, STRANGER).startswith(b"SIP/2.0 200 ")
    proxy.stop()


SLOW: Final = int(os.environ.get("TRUNKWARD_SLOW", "200"))
WIDE: Final = """\
  - {id: wide-1, customer: bolt, sources: ["127.1.0.0/16"]}
"""


def test_slow_connections_are_nobody_elses_trouble(stage: Stage, tmp_path: Path) -> None:
    """
    Half of them begin a message, half a TLS handshake, and go on octet by octet; calls over UDP meanwhile. Each is
    closed within some six seconds. TRUNKWARD_SLOW says how many, 200 without it.
    """
    port, tcp, tls = free_port(), free_port(), free_port()
    listen = f'  - {{name: access-tcp, transport: tcp, address: "{CORE}:{tcp}"}}\n'
    listen += Certificates(tmp_path / "ca").listener(CORE, tls)
    proxy = stage.proxy(Setting(port, listen=listen, trunks=WIDE))
    load = Load(calls=3 * SLOW // 20, rate=SLOW // 20, log=False)
    callee = stage.callee("callee_answered", load, at=(CORE, port))
    began = time.monotonic()
    slow = [
        socket.create_connection((CORE, (tcp, tls)[place % 2]), 5, source_address=(f"127.1.0.{1 + place // 200}", 0))
        for place in range(SLOW)
    ]
    caller = stage.caller("caller_answered", proxy.address, load=load)
    closed = 0.0
    for place, octet in enumerate(b"INVITE sip:" + b"x" * 90):
        for sock, start in zip(
            slow, itertools.cycle((octet, (b"\x16\x03\x01\x02\x00" + b"\x01" * 100)[place])), strict=False
        ):
            with contextlib.suppress(OSError):
                sock.send(bytes([start]))
        found = proxy.metrics()
        ways = (("slow", "tcp"), ("handshake", "tls"))
        closed = sum(
            found["trunkward_connections_closed_total", f"reason={why}", f"transport={by}"] for why, by in ways
        )
        if closed == SLOW:
            break
        time.sleep(0.5)
    took = time.monotonic() - began

    assert closed == SLOW
    made = caller.wait()
    assert (made.succeeded, made.retransmissions) == (load.calls, 0)
    assert callee.wait().succeeded == load.calls
    print(f"{SLOW} closed {took:.1f} s after the first came; {made.succeeded} calls, no retransmission")
    for sock in slow:
        sock.close()
    proxy.stop()
