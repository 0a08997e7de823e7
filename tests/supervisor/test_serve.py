"""From settings to sockets and workers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.observe.log import get
from proxy.parts import load_all
from proxy.supervisor.inherit import Inherited
from proxy.supervisor.serve import open_sockets, worker_count
from tests.wire.peers import CALLER, free_port


@pytest.mark.parametrize(
    ("workers", "count"), [("auto", lambda: len(os.sched_getaffinity(0))), ("1", lambda: 1), ("3", lambda: 3)]
)
def test_how_many_workers(workers: str, count: Callable[[], int], root: Path, tmp_path: Path) -> None:
    port = free_port()
    for name in ("directory.yaml", "acme-numbers.csv"):
        (tmp_path / name).write_bytes((root / "config" / name).read_bytes())
    text = (root / "config" / "trunkward.yaml").read_text()
    text = text.replace("workers: 1", f"workers: {workers}").replace("127.0.0.1:5060", f"{CALLER}:{port}")
    (tmp_path / "c.yaml").write_text(text)
    settings = load_all(tmp_path / "c.yaml").settings

    assert worker_count(settings) == count()
    (sock,) = open_sockets(settings, get("test"), Inherited(()))
    with sock:
        assert sock.getsockname() == (CALLER, port)
        assert not sock.getblocking()
