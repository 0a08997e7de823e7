"""Writers that race and writers that die: one of two conflicting lists comes in, and a killed import leaves nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from proxy.settings.problems import ProblemList
from proxy.store.clashes import clashes
from proxy.store.database import Store, open_store
from proxy.store.errors import StoreError
from proxy.store.history import By
from proxy.store.lists import NumberList
from proxy.store.renewal import Terms, import_list
from proxy.store.schema import Allocation, Change, Version
from proxy.store.spelling import Spelling
from tests.store.rows import customer, trunk

BY = By("ann", "2026-11-25T08:00:00Z", date(2026, 11, 25))
ROWS = 30_000
_IMPORT = """
import sys
from datetime import date
from pathlib import Path
from proxy.settings.problems import ProblemList
from proxy.store.database import open_store
from proxy.store.history import By
from proxy.store.lists import NumberList
from proxy.store.renewal import Terms, import_list
from proxy.store.spelling import Spelling
print("ready", flush=True)
sys.stdin.readline()
with open_store(sys.argv[1], Path()).write() as session:
    numbers = NumberList(Path(sys.argv[2]), ProblemList(), Spelling("86", "24"))
    import_list(session, By("ann", "", date.today()), "acme-1", numbers, Terms(apply=True, force=True))
print("done", flush=True)
"""


def two_customers(store: Store) -> None:
    with store.write() as session:
        for name in ("acme", "zeta"):
            customer(session, name, "draft")
            trunk(session, f"{name}-1", name)


def test_of_two_lists_with_a_number_in_common_one_comes_in(url: str, tmp_path: Path) -> None:
    two_customers(open_store(url, Path()))
    done: list[str] = []

    def write(name: str, shift: int) -> None:
        path = tmp_path / f"{name}.csv"
        path.write_text("号码\n" + "".join(f"8{i * 2 + shift:07d}\n" for i in range(1000, 3000)))
        numbers = NumberList(path, ProblemList(), Spelling("86", "24"))
        with contextlib.suppress(StoreError), open_store(url, Path()).write() as session:
            if import_list(session, BY, f"{name}-1", numbers, Terms(apply=True)).version:
                done.append(name)

    writers = [threading.Thread(target=write, args=each) for each in (("acme", 0), ("zeta", 2))]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert len(done) == 1
    with open_store(url, Path()).read() as session:
        owners = session.scalars(select(Allocation.trunk_id).distinct()).all()
    assert owners == [f"{done[0]}-1"]


@pytest.mark.slow
def test_a_killed_import_leaves_nothing(url: str, tmp_path: Path) -> None:
    store = open_store(url, Path())
    two_customers(store)
    path = tmp_path / "list.csv"
    path.write_text("号码\n" + "".join(f"8{i * 2:07d}\n" for i in range(ROWS)))
    command = [sys.executable, "-P", "-c", _IMPORT, url, str(path)]

    def import_for(seconds: float) -> tuple[float, bool]:
        """Import, killed after so many seconds; how long it took, and whether it had said that it is done."""
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdout.readline()
            began = time.monotonic()
            process.stdin.write("\n")
            process.stdin.flush()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
            os.kill(process.pid, signal.SIGKILL) if process.poll() is None else None
            said = process.stdout.read()
            process.wait(20)
        return time.monotonic() - began, "done" in said

    def whole() -> bool:
        """Whether everything is there; nothing is the only other thing that it may be."""
        with store.read() as session:
            count = session.scalar(select(func.count()).select_from(Allocation)) or 0
            versions = session.scalar(select(func.count()).select_from(Version))
            notes = session.scalar(select(func.count()).select_from(Change))
            assert (count, versions, notes) in ((0, 0, 0), (ROWS, 1, 1))
            if store.is_sqlite:
                assert session.execute(text("PRAGMA integrity_check")).scalar() == "ok"
        return bool(count)

    for number in range(12):
        _, done = import_for(0.05 * number)
        assert not (done and not whole())
        if whole():
            break
    else:
        import_for(60)
        assert whole()


def test_the_sweep_is_linear_enough() -> None:
    """Two hundred thousand ranges of either side, none in common."""
    day = ("0001-01-01", "9999-12-31")
    mine = ((n, n, *day, n) for n in range(0, 800_000, 4))
    others = ((n + 1, n + 2, *day, n) for n in range(0, 800_000, 4))
    began = time.perf_counter()
    assert list(clashes(mine, others)) == []
    assert time.perf_counter() - began < 10
