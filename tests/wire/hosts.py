"""Several hosts on one network, each in a network namespace of its own: they can be unplugged, and share addresses."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from tests.wire.peers import START_SECONDS, Program, require
from tests.wire.play import Load, Sipp, Who, callee, caller

ROOT: Final = Path(__file__).resolve().parents[2]
TRUNK, CORE, SHARED, FIRST, SECOND = (f"10.77.0.{host}" for host in (2, 3, 10, 11, 12))
PORT: Final = 5060
WEB: Final = 8080
LOGS: Final = Load(log=False)

_serial = count(1)
_CONFIG: Final = """\
node: {{name: "{name}", mode: block, workers: 1, answer_strangers: false, state: state}}
listen:
  - {{name: access, transport: udp, address: "{shared}:5060"}}
core: {{next_hops: [{{uri: "sip:{core}:5060"}}]}}
directory: {{url: "file:directory.yaml"}}
numbering: {{country: "86"}}
records: {{directory: records}}
metrics: {{address: "127.0.0.1:9464"}}
admin: {{address: "127.0.0.1:8080"}}
"""
_DIRECTORY: Final = """\
customers: [{{id: acme, name: "Acme"}}]
trunks:
  - id: acme-1
    customer: acme
    sources: ["{trunk}/32"]
    gateway: ["sip:{trunk}:5060"]
    dial_plan: {{country: "86", area: "24"}}
    allocations: [{{first: "+862488880000", last: "+862488880099"}}]
"""


class Lan:
    """Hosts by their addresses, joined by one bridge; needs the right to make network namespaces."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._name = f"tw{os.getpid()}-{next(_serial)}"
        self._hosts: list[str] = []
        self._programs: list[Program] = []
        require("ip", "iproute2")
        if subprocess.run(["ip", "netns", "add", self._name], capture_output=True, check=False).returncode:
            pytest.skip("no right to make network namespaces")
        self._hosts.append(self._name)
        _ip("-n", self._name, "link", "add", "bridge", "type", "bridge")
        _ip("-n", self._name, "link", "set", "bridge", "up")

    def host(self, address: str) -> Host:
        """Plug a host in."""
        name = f"{self._name}-{address.rpartition('.')[2]}"
        port = f"port{address.rpartition('.')[2]}"
        _ip("netns", "add", name)
        self._hosts.append(name)
        _ip("-n", self._name, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("-n", self._name, "link", "set", port, "master", "bridge", "up")
        for words in (("link", "set", "lo", "up"), ("link", "set", "eth0", "up"), ("addr", "add", f"{address}/24", "dev", "eth0")):  # fmt: skip
            _ip("-n", name, *words)
        return Host(self, name, address, (self._name, port))

    def run(self, program: Program) -> Program:
        """Keep a program in mind, to end it."""
        self._programs.append(program)
        return program

    def close(self) -> None:
        """End the programs and take the network down."""
        for program in reversed(self._programs):
            program.kill()
        for name in reversed(self._hosts):
            _ip("netns", "del", name)


class Host:
    """One host of a network."""

    def __init__(self, lan: Lan, name: str, address: str, plug: tuple[str, str]) -> None:
        self.lan = lan
        self.address = address
        self.within = ("ip", "netns", "exec", name)
        self._name = name
        self._plug = plug

    def plug(self, *, into: bool) -> None:
        """Plug its cable in, or pull it: the host itself sees no difference."""
        switch, port = self._plug
        _ip("-n", switch, "link", "set", port, "up" if into else "down")

    def has(self, address: str) -> bool:
        """Whether it holds an address at this moment."""
        return f" {address}/" in _ip("-n", self._name, "addr", "show", "dev", "eth0")

    def caller(self, load: Load, who: Who) -> Sipp:
        """Start a SIPp that makes calls to the shared address."""
        at = (self.address, PORT)
        made = caller(self.lan.directory, "caller_answered", (SHARED, PORT), who, load, at, self.within)
        self.lan.run(made.program)
        return made

    def callee(self, load: Load) -> Sipp:
        """Start a SIPp that takes calls."""
        made = callee(self.lan.directory, "callee_answered", load, (self.address, PORT), within=self.within)
        self.lan.run(made.program)
        return made

    def node(self, key: str) -> Path:
        """Start Trunkward on the shared address, which it need not hold yet; returns its directory."""
        home = self.lan.directory / self._name
        (home / "state").mkdir(parents=True)
        (home / "state" / "node.key").write_text(key, encoding="ascii")
        values = {"name": self._name, "shared": SHARED, "core": CORE, "trunk": TRUNK}
        (home / "trunkward.yaml").write_text(_CONFIG.format(**values), encoding="utf-8")
        (home / "directory.yaml").write_text(_DIRECTORY.format(**values), encoding="utf-8")
        subprocess.run([*self.within, "sysctl", "-qw", "net.ipv4.ip_nonlocal_bind=1"], check=True, capture_output=True)
        argv = [*self.within, sys.executable, "-P", "-m", "proxy", "serve", "-c", "trunkward.yaml"]
        program = self.lan.run(Program(self._name, argv, home))
        deadline = time.monotonic() + START_SECONDS
        while self.ready() is False:
            assert program.process.poll() is None, program.complaint()
            assert time.monotonic() < deadline, program.complaint()
            time.sleep(0.05)
        self.program = program
        return home

    def ready(self) -> bool:
        """Ask the node for its health as keepalived does."""
        words = [*self.within, "curl", "-fsS", "-m", "1", "-o", "/dev/null", f"http://127.0.0.1:{WEB}/readyz"]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0

    def keepalived(self, changes: Mapping[str, str]) -> Program:
        """Start keepalived on the shipped configuration, with changes."""
        text = (ROOT / "config" / "keepalived" / "keepalived.conf").read_text(encoding="utf-8")
        for old, new in changes.items():
            assert old in text, old
            text = text.replace(old, new)
        home = self.lan.directory / f"{self._name}-keepalived"
        home.mkdir()
        (home / "keepalived.conf").write_text(text, encoding="utf-8")
        program = shutil.which("keepalived") or require("/usr/sbin/keepalived", "keepalived")
        own = [f"--{name}={home / name}" for name in ("pid", "vrrp_pid", "checkers_pid")]
        argv = [*self.within, program, "-n", "-l", "-D", "-P", "-f", "keepalived.conf", *own]
        return self.lan.run(Program("keepalived", argv, home))


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
    return done.stdout
