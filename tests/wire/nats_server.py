"""A real NATS server with JetStream, which can be killed and started again on what it has on disk."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import nats
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from tests.wire.peers import START_SECONDS, Program, free_port, require

Got = TypeVar("Got")


@dataclass(frozen=True, slots=True)
class Kept:
    """A message that the stream holds."""

    subject: str
    headers: dict[str, str]
    data: bytes


class NatsServer:
    """One server; `config` are further lines of its configuration."""

    def __init__(self, directory: Path, config: str = "", *, jetstream: bool = True) -> None:
        self._binary = require("nats-server", "nats-server")
        self._directory = directory
        self.port = free_port()
        lines = [f'listen: "127.0.0.1:{self.port}"', config]
        if jetstream:
            lines.append(f'jetstream: {{store_dir: "{directory}/jetstream"}}')
        (directory / "nats.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.start()

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start (again) and wait until it is ready."""
        self.program = Program("nats", [self._binary, "-c", "nats.conf"], self._directory)
        deadline = time.monotonic() + START_SECONDS
        while "Server is ready" not in (said := self.program.err.read_text()):
            assert self.program.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)

    def freeze(self) -> None:
        """It lives and says nothing any more."""
        self.program.send(signal.SIGSTOP)
        stat = Path(f"/proc/{self.program.process.pid}/stat")
        while stat.read_text().rpartition(") ")[2][0] != "T":
            time.sleep(0.001)

    def thaw(self) -> None:
        """It goes on."""
        self.program.send(signal.SIGCONT)

    def kill(self) -> None:
        """kill -9."""
        self.program.kill()

    def ask(self, question: Callable[[JetStreamContext], Awaitable[Got]], **who: Any) -> Got:
        """Ask JetStream something."""

        async def main() -> Got:
            client = await nats.connect(self.url, allow_reconnect=False, **who)
            try:
                return await question(client.jetstream())
            finally:
                await client.close()

        return asyncio.run(main())

    def count(self, stream: str = "TRUNKWARD") -> int:
        """How many messages a stream holds; none where there is no stream."""

        async def messages(context: JetStreamContext) -> int:
            try:
                return (await context.stream_info(stream)).state.messages
            except NotFoundError:
                return 0

        return self.ask(messages)

    def kept(self, stream: str = "TRUNKWARD") -> list[Kept]:
        """Every message of a stream, in its order."""

        async def read(context: JetStreamContext) -> list[Kept]:
            left = (await context.stream_info(stream)).state.messages
            terms = ConsumerConfig(ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.ALL)
            puller = await context.pull_subscribe("", stream=stream, config=terms)
            found: list[Kept] = []
            while len(found) < left:
                batch = await puller.fetch(min(1000, left - len(found)), timeout=10)
                found += [Kept(each.subject, dict(each.headers or {}), each.data) for each in batch]
            return found

        return self.ask(read)
