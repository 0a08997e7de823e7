"""The shipping process is kept running, replaced when something else is wanted, and ended at the end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from proxy.admin.services import Services
from proxy.admin.shipping import Shipping
from tests.admin.stage import write_config
from tests.wire.peers import START_SECONDS, free_port

SHIPPING = 'shipping: {{nats: {{servers: ["nats://127.0.0.1:{port}"]}}}}\nrecords: {{directory: "{here}"}}\n'


class Scene:
    """A configuration that ships to nobody, and what keeps its process."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = write_config(directory, self.text())
        self.services = Services(self.config, lambda: 0.0)
        self.shipping = Shipping(self.config, self.services.shipped)

    def text(self) -> str:
        return SHIPPING.format(port=free_port(), here=self.directory)

    def play(self, what: Callable[[], Awaitable[None]]) -> None:
        async def main() -> None:
            running = asyncio.get_running_loop().create_task(self.shipping.run())
            await what()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await self.services.aclose()

        asyncio.run(main())
        assert children() == set(), "nothing is left behind"

    async def shown(self) -> None:
        async with asyncio.timeout(START_SECONDS):
            while not self.shipping.values:
                await asyncio.sleep(0.02)

    async def gone(self, pid: int) -> None:
        async with asyncio.timeout(START_SECONDS):
            while pid in children():
                await asyncio.sleep(0.02)

    async def reload(self, more: str) -> None:
        write_config(self.directory, more)
        await self.services.reload()
        self.shipping.changed()


def children() -> set[int]:
    """The shipping processes that this one has started."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {int(pid) for pid in found if b"proxy.admin.shipper" in Path(f"/proc/{pid}/cmdline").read_bytes()}


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr("proxy.admin.shipping.RESTART_SECONDS", (0.05,))
    return Scene(tmp_path)


def test_it_runs_is_started_again_and_ended(scene: Scene) -> None:
    async def live() -> None:
        await scene.shown()
        assert scene.shipping.values["shipping_up",] == 0
        (pid,) = children()
        os.kill(pid, signal.SIGKILL)
        await scene.gone(pid)
        scene.shipping.values.clear()
        await scene.shown()
        assert children() - {pid} != set()

    scene.play(live)


def test_a_reload_replaces_it_only_where_something_else_is_wanted(scene: Scene) -> None:
    async def live() -> None:
        await scene.shown()
        (first,) = children()
        await scene.reload((scene.directory / "c.yaml").read_text().partition('d.yaml"}\n')[2] + "policy: {}\n")
        await asyncio.sleep(0.2)
        assert children() == {first}
        await scene.reload(scene.text())
        await scene.gone(first)
        await scene.shown()
        (second,) = children()
        await scene.reload("")
        await scene.gone(second)
        assert scene.shipping.values == {}

    scene.play(live)


def test_without_a_configuration_there_is_nothing_to_run() -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Shipping(None, lambda: None).run(), 0.1)

    asyncio.run(main())
