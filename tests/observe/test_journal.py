"""The journal: whole lines, an unbroken chain over kills and full disks, nothing lost at a stop."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest
import structlog

from proxy.observe.chain import GENESIS, last_line
from proxy.observe.journal import Journal
from tests.observe.reports import decided

LOG = structlog.make_filtering_bound_logger(50)(structlog.PrintLogger(), [], {})


def journal(directory: Path, capacity: int = 10_000, offset: float = 1_795_465_500.0) -> Journal:
    return Journal(
        directory,
        "gw1",
        mask=False,
        capacity=capacity,
        retention=180 * 86400.0,
        wall=lambda at: at + offset,
        log=LOG,
    )


def lines(directory: Path) -> list[bytes]:
    return [
        line for path in sorted(directory.glob("calls-*.jsonl")) for line in path.read_bytes().splitlines(keepends=True)
    ]


def check_chain(found: list[bytes]) -> int:
    """The check of docs/records.md: returns the number of records."""
    previous = GENESIS
    for number, line in enumerate(found, 1):
        body, _, tail = line.rpartition(b',"hash":"')
        record = json.loads(line)
        assert line.endswith(b'"}\n')
        assert (record["seq"], record["prev"]) == (number, previous)
        assert sha256(body).hexdigest().encode() == tail[:64]
        previous = record["hash"]
    return len(found)


def test_all_that_was_put_is_there_after_a_stop(tmp_path: Path) -> None:
    one = journal(tmp_path)
    for _ in range(2500):
        one.put(decided())
    one.close()

    assert (check_chain(lines(tmp_path)), one.dropped, one.queued) == (2500, 0, 0)


def test_the_chain_goes_on_after_a_restart_and_over_midnight(tmp_path: Path) -> None:
    for offset in (1_795_465_500.0, 1_795_465_500.0 + 86400):
        one = journal(tmp_path, offset=offset)
        one.put(decided())
        one.put(decided(at=100.0 + 43200))
        one.close()

    assert len(list(tmp_path.glob("calls-*.jsonl"))) >= 2
    assert check_chain(lines(tmp_path)) == 4


@pytest.mark.parametrize("torn", [b'{"v":1,"ev', b"\0" * 5000, b"x" * 200_000])
def test_a_torn_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    one = journal(tmp_path)
    one.put(decided())
    one.close()
    path = next(tmp_path.glob("calls-*.jsonl"))
    with path.open("ab") as file:
        file.write(torn)
    two = journal(tmp_path)
    two.put(decided())
    two.close()

    assert check_chain(lines(tmp_path)) == 2


def test_more_than_it_holds_is_dropped_and_counted(tmp_path: Path) -> None:
    one = journal(tmp_path, capacity=5)
    one._directory = tmp_path / "gone"  # no file can be opened: the disk refuses
    for _ in range(20):
        one.put(decided())
    deadline = time.monotonic() + 5
    while one.dropped < 1 and time.monotonic() < deadline:
        one.put(decided())

    assert one.dropped >= 1
    one._directory = tmp_path
    one.close()
    assert check_chain(lines(tmp_path)) + one.dropped >= 20


WRITER = """
import sys, signal, resource
from pathlib import Path
from tests.observe.test_journal import journal
from tests.observe.reports import decided
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
one = journal(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    one.put(decided())
"""


def test_each_line_is_whole_after_kill_9(tmp_path: Path, root: Path) -> None:
    for moment in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], cwd=root, stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.05 + 0.013 * moment)
            writer.send_signal(signal.SIGKILL)
    one = journal(tmp_path)
    one.close()

    assert check_chain(lines(tmp_path)) > 0


def test_a_full_disk_loses_nothing_that_fits_later(tmp_path: Path) -> None:
    """A file size limit stands for the full disk: the write is cut short, then refused."""
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    one = journal(tmp_path)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        for _ in range(100):
            one.put(decided())
        path = tmp_path / "calls-20261123.jsonl"
        deadline = time.monotonic() + 5
        while (not path.exists() or path.stat().st_size < 10_000) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert path.stat().st_size == 10_000
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    deadline = time.monotonic() + 10
    while last_line(path).end < 50_000 and time.monotonic() < deadline:
        time.sleep(0.05)
    one.close()

    assert check_chain(lines(tmp_path)) == 100


def test_old_files_go(tmp_path: Path) -> None:
    old, young, other = (
        tmp_path / "calls-20200101.jsonl",
        tmp_path / "calls-20261101.jsonl",
        tmp_path / "notes.txt",
    )
    for path in (old, young, other):
        path.write_bytes(b"")
    one = journal(tmp_path)
    one.put(decided())
    one.close()

    assert (old.exists(), young.exists(), other.exists()) == (False, True, True)


def test_a_directory_that_cannot_be_used_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError):
        journal(tmp_path / "file" / "logs")
