"""The control process keeps the index: within its life, and only where a configuration wants one."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from proxy.admin.indexing import indexing
from proxy.settings.model import Settings
from proxy.store.index import open_index
from tests.cli import records as made
from tests.settings.test_model import LEAST


@pytest.mark.parametrize("url", [None, "sqlite:other.db", "off"])
def test_what_is_recorded_is_indexed(tmp_path: Path, url: str | None) -> None:
    made.write(tmp_path / "records")
    records = {"directory": str(tmp_path / "records"), "retention": "36500d"} | ({"index": {"url": url}} if url else {})
    settings = Settings.model_validate({**LEAST, "records": records})
    file = tmp_path / ("other.db" if url else "records/index.db")

    async def live() -> None:
        async with indexing(settings, tmp_path / "c.yaml"):
            if url == "off":
                return
            async with asyncio.timeout(15):
                while (
                    not file.exists()
                    or not (index := open_index(f"sqlite:{file}", tmp_path)).usable()
                    or len(index.days()) < 2
                ):
                    await asyncio.sleep(0.02)

    asyncio.run(live())
    assert [thread.name for thread in threading.enumerate() if thread.name == "index"] == []
    assert file.exists() == (url != "off")


def test_without_a_configuration_nothing_is_indexed() -> None:
    async def live() -> None:
        async with indexing(None, None):
            assert "index" not in {thread.name for thread in threading.enumerate()}

    asyncio.run(live())
