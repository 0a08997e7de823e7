"""What every real peer needs: addresses, free ports, a child process that cannot outlive its test, a sink."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

CORE: Final = "127.0.0.1"  # the operator's side, and the proxy itself
CALLER: Final = "127.0.0.2"  # trunk acme-1
OTHER: Final = "127.0.0.3"  # trunk bolt-1, another customer
PEER: Final = "127.0.0.4"  # another operator, where a test has one
STRANGER: Final = "127.0.0.9"  # no trunk at all

START_SECONDS: Final = 90.0  # bound on a start; a shared machine may be slow, and no test is decided by it
STOP_SECONDS: Final = 40.0  # longer than Timer B/F (32 s), which a drain may have to wait for

_LOWEST, _SPAN, _APART = 10_000, 22_000, 521
_ports = (_LOWEST + (os.getpid() * _APART + n) % _SPAN for n in range(_SPAN))


def require(program: str, package: str) -> str:
    """Return the path of a program, or skip with the install command (see `absent`)."""
    path = shutil.which(program)
    if path is None:
        absent(f"{program} is missing: apt-get install {package}")
    assert path is not None
    return path


def absent(reason: str) -> None:
    """Skip the running test because a peer is missing; with TRUNKWARD_REQUIRE_PEERS=1 that is a failure."""
    if os.environ.get("TRUNKWARD_REQUIRE_PEERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """
    Return a port that is free for UDP and TCP on every loopback address, never the same twice.

    From below the kernel's own range: what is free now is not given to somebody's outgoing connection before its
    user binds it. Each process looks in another place, since several may be testing at the same time.
    """
    for port in _ports:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            contextlib.suppress(OSError),
        ):
            udp.bind(("", port))
            tcp.bind(("", port))
            return port
    raise RuntimeError("no port is free for both UDP and TCP")


def is_bound(port: int, process: str = "self", *, tcp: bool = False) -> bool:
    """
    Tell whether somebody on the network of a process has this UDP port bound, or listens on this TCP port, without
    sending it anything.
    """
    table = Path(f"/proc/{process}/net/{'tcp' if tcp else 'udp'}").read_text(encoding="ascii")
    listens = " 00000000:0000 0A" if tcp else ""
    return re.search(rf"^ *\d+: [0-9A-F]{{8}}:{port:04X}{listens} ", table, re.MULTILINE) is not None


class Program:
    """One child process in a session of its own; its output goes to files beside its work."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        directory: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.out = directory / f"{name}.out"
        self.err = directory / f"{name}.err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                argv,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )

    def wait_bound(self, port: int, *, tcp: bool = False) -> None:
        """Wait until the program listens on the port; its death or a bound on time is an error."""
        deadline = time.monotonic() + START_SECONDS
        while not is_bound(port, str(self.process.pid), tcp=tcp):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} does not listen on {port}\n{self.complaint()}")
            time.sleep(0.02)

    def wait(self, seconds: float) -> int:
        """Wait for the end and return the exit status; kill and raise when it takes longer."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            complaint = self.complaint()
            self.kill()
            raise RuntimeError(f"{self.name} still ran after {seconds} s\n{complaint}") from None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program itself (not to its children)."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    def stop(self, seconds: float = STOP_SECONDS) -> int:
        """Ask for the end with SIGTERM and return the exit status."""
        self.send(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self) -> None:
        """End the program and all its children, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def complaint(self) -> str:
        """Return the last lines of its output, for the message of a failure."""
        tails = [file.read_text(encoding="utf-8", errors="replace")[-3000:] for file in (self.out, self.err)]
        return f"{self.name} exit={self.process.poll()}\n" + "\n".join(tail for tail in tails if tail.strip())


class Sink:
    """A UDP socket that shows what reached an address (and can speak from it)."""

    def __init__(self, host: str, port: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, port or free_port()))
        self.host, self.port = self.socket.getsockname()

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        """Send one datagram."""
        self.socket.sendto(data, to)

    def receive(self, start: bytes = b"", seconds: float = 5.0) -> bytes:
        """Return the next datagram that begins with `start`; others are passed over."""
        deadline = time.monotonic() + seconds
        seen: list[bytes] = []
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                break
            if data.startswith(start):
                return data
            seen.append(data.partition(b"\r\n")[0])
        raise AssertionError(f"nothing that begins with {start!r} came to {self.host}:{self.port}; seen: {seen}")

    def waiting(self) -> list[bytes]:
        """Return what has arrived and was not read, without waiting."""
        self.socket.setblocking(False)
        found: list[bytes] = []
        try:
            while True:
                found.append(self.socket.recv(65536))
        except BlockingIOError:
            return found

    def close(self) -> None:
        """Free the address."""
        self.socket.close()
