"""The stage: the real program comes up on free ports, judges, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from urllib.request import urlopen

from proxy.demo import show, signers, stage
from proxy.demo.scenario import KINDS


def test_free_ports_differ() -> None:
    assert len(set(stage.free_ports(5, "udp"))) == 5
    assert len(set(stage.free_ports(5, "tcp"))) == 5


def test_the_program_comes_up_and_goes_again() -> None:
    async def scene() -> tuple[Path, int, list[bool]]:
        async with stage.running() as running:
            with await asyncio.to_thread(urlopen, f"http://{running.metrics}/metrics") as page:
                status: int = page.status
            first = await show.place(running, KINDS[0], "first")
            return running.home, status, [first.good, running.records.is_dir()]

    home, status, good = asyncio.run(scene())
    assert (status, good) == (200, [True, True])
    assert not home.exists()


def test_a_verdict_is_found_in_whole_lines_only(tmp_path: Path) -> None:
    records = tmp_path / "records"
    records.mkdir()
    lines = [{"event": "call.verdict", "call_id": "a"}, {"event": "call.end", "call_id": "a"}]
    file = records / "calls-20260101.jsonl"
    half = json.dumps({"event": "call.verdict", "call_id": "b"})[:-5]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines) + half, encoding="utf-8")
    running = stage.Stage(tmp_path, "", "", "", "", {}, signers.make(0.0), "")
    assert asyncio.run(running.verdict("a")) == lines[0]
    assert asyncio.run(running.verdict("b", looks=2)) is None
