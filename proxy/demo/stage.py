"""The real program on files and ports of its own, the callee as its next hop, a phone at each address."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any, Literal

from proxy.demo import callee, caller, repository, scenario, signers
from proxy.demo.caller import Caller
from proxy.demo.signers import Signers

START = 200  # greetings, half a second and more apart from each other, before the program is given up
STOP = 5.0  # seconds that the program gets to end by itself
RECORD = 100  # looks at the records, RECORD_PAUSE apart
RECORD_PAUSE = 0.05  # seconds


class StartError(Exception):
    """The program did not start; its output is the message."""


@dataclass(frozen=True, slots=True)
class Stage:
    """
    A running proxy and its phones by source address; `home` holds the configuration, records and state;
    `repository` is where the certificates of `signers` are, "ip:port".
    """

    home: Path
    sip: str
    metrics: str
    admin: str
    callee: str
    phones: dict[str, Caller]
    signers: Signers
    repository: str

    @property
    def records(self) -> Path:
        """The directory of the call records."""
        return self.home / "records"

    async def verdict(self, call_id: str, looks: int = RECORD) -> dict[str, Any] | None:
        """Give the call.verdict record of a call as soon as it is there; None when it does not come."""
        for _ in range(looks):
            for file in sorted(self.records.glob("calls-*.jsonl")):
                if (found := _find(file, call_id)) is not None:
                    return found
            await asyncio.sleep(RECORD_PAUSE)
        return None


def _find(file: Path, call_id: str) -> dict[str, Any] | None:
    # the newest lines are at the end; a line without its end is still being written
    for line in reversed(file.read_bytes().split(b"\n")[:-1]):
        if call_id.encode() in line:
            record: dict[str, Any] = json.loads(line)
            if record["event"] == "call.verdict" and record["call_id"] == call_id:
                return record
    return None


def free_ports(count: int, kind: Literal["udp", "tcp"]) -> list[int]:
    """Give ports that are free at this moment; all are held until all are known, so they differ."""
    with contextlib.ExitStack() as held:
        sort = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
        sockets = [held.enter_context(socket.socket(socket.AF_INET, sort)) for _ in range(count)]
        for each in sockets:
            each.bind((scenario.HOST, 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[Stage]:
    """Set the stage up and take it down again. Raises StartError."""
    async with contextlib.AsyncExitStack() as held:
        home = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="trunkward-demo-")))
        answering = await callee.listen(scenario.HOST)
        held.callback(answering.close)
        now = time()
        tls, web = signers.web_server(scenario.HOST, home, now - 60)
        signing = signers.make(now)
        port = await held.enter_async_context(repository.serving(scenario.HOST, tls, signing.pages))
        files = {"anchors.pem": signing.anchors, "web.pem": web, "sp.key": signers.private_key(signing.key)}
        for name, data in files.items():
            (home / name).write_bytes(data)
        (sip,), (metrics, admin) = free_ports(1, "udp"), free_ports(2, "tcp")
        ports = {
            "host": scenario.HOST,
            "sip": sip,
            "metrics": metrics,
            "admin": admin,
            "callee": answering.address,
            "repository": f"{scenario.HOST}:{port}",
        }
        (home / "trunkward.yaml").write_text(scenario.CONFIG.format(home=home, **ports), encoding="utf-8")
        (home / "trunks.yaml").write_text(scenario.TRUNKS, encoding="utf-8")
        phones = {}
        for host in scenario.HOSTS:
            phones[host] = await caller.phone(host, (scenario.HOST, sip))
            held.callback(phones[host].close)
        await held.enter_async_context(_program(home, phones[scenario.BLOCKING]))
        at = [f"{scenario.HOST}:{each}" for each in (sip, metrics, admin)]
        yield Stage(home, at[0], at[1], at[2], answering.address, phones, signing, f"{scenario.HOST}:{port}")


@contextlib.asynccontextmanager
async def _program(home: Path, phone: Caller) -> AsyncIterator[None]:
    """Run `trunkward serve` as a child; it is up when it answers OPTIONS."""
    argv = [sys.executable, "-P", "-m", "proxy", "serve", "-c", str(home / "trunkward.yaml")]
    with (home / "serve.log").open("wb") as log:
        child = await asyncio.create_subprocess_exec(*argv, stdout=log, stderr=log)
    try:
        for attempt in range(START):
            if child.returncode is not None:
                break
            if await phone.greet(f"greeting-{attempt}") != 408:
                yield
                return
        raise StartError((home / "serve.log").read_text(encoding="utf-8", errors="replace"))
    finally:
        await _end(child)


async def _end(child: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
        try:
            await asyncio.wait_for(child.wait(), STOP)
        except TimeoutError:
            child.kill()
            await child.wait()
