"""The journal: whole lines, an unbroken chain over kills and full disks, nothing lost at a stop."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import structlog

from proxy.core.actions import Commit, Late
from proxy.observe import checkpoint
from proxy.observe.chain import GENESIS, last_line, record_files
from proxy.observe.evidence import verify
from proxy.observe.journal import Journal
from tests.observe.chains import KEYS, SIGNER
from tests.observe.reports import decided

LOG = structlog.make_filtering_bound_logger(50)(structlog.PrintLogger(), [], {})


def journal(directory: Path, capacity: int = 10_000, offset: float = 1_795_465_500.0, **more: Any) -> Journal:
    return Journal(
        directory,
        "gw1",
        mask=False,
        capacity=capacity,
        retention=180 * 86400.0,
        wall=lambda at: at + offset,
        log=LOG,
        **more,
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

    assert check_chain(lines(tmp_path)) == 3
    assert json.loads(lines(tmp_path)[1])["event"] == "gap"  # something was lost, and that is said


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


def events(directory: Path) -> list[str]:
    return [json.loads(line)["event"] for line in lines(directory)]


def sealed(directory: Path) -> list[tuple[str, str, int]]:
    """Reason, file and seq of each checkpoint."""
    found = [checkpoint.read(line).checkpoint for line in (directory / checkpoint.FILE).read_bytes().splitlines()]
    return [(each.reason, each.file[6:14], each.seq) for each in found]


def sealed_to(directory: Path) -> int:
    """The last seq that a checkpoint closes; -1 before the first checkpoint."""
    return sealed(directory)[-1][2] if (directory / checkpoint.FILE).exists() else -1


def until(true: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_each_file_and_each_stop_is_sealed(tmp_path: Path) -> None:
    for _ in range(2):
        one = journal(tmp_path, signer=SIGNER)
        one.put(decided())
        one.put(decided(at=100.0 + 86400))
        one.close()

    assert sealed(tmp_path) == [
        ("start", "", 0), ("day", "20261123", 1), ("stop", "20261124", 2),
        ("start", "20261124", 2), ("stop", "20261124", 4),
    ]  # fmt: skip
    found = verify(tmp_path, KEYS)
    assert (found.is_good, found.sealed, found.gap_count) == (True, 4, 0)


def test_records_are_sealed_at_intervals_and_only_when_there_are_new_ones(tmp_path: Path) -> None:
    one = journal(tmp_path, signer=SIGNER, checkpoint=0.01)
    until((tmp_path / checkpoint.FILE).exists)
    for number in range(1, 4):
        one.put(decided())
        until(lambda seq=number: sealed_to(tmp_path) == seq)
    time.sleep(0.3)
    assert (one.unsealed, one.refused) == (0, False)
    assert [item[::2] for item in sealed(tmp_path)] == [("start", 0), *(("interval", n) for n in (1, 2, 3))]
    one.close()


def test_a_clock_that_is_set_back_goes_on_in_its_file(tmp_path: Path) -> None:
    for at in (100.0 + 86400, 100.0):
        one = journal(tmp_path, signer=SIGNER)
        one.put(decided(at=at))
        one.put(decided(at=100.0))
        one.close()

    assert [path.name for path in sorted(tmp_path.glob("calls-*"))] == ["calls-20261124.jsonl"]
    assert verify(tmp_path, KEYS).last == 4


def test_what_has_expired_is_signed_for(tmp_path: Path) -> None:
    for day in range(4):
        one = journal(tmp_path, signer=SIGNER)
        one._retention = timedelta(days=1)
        one.put(decided(at=100.0 + day * 86400))
        one.put(decided(at=100.0 + day * 86400))
        one.close()

    assert [path.name[6:14] for path in sorted(tmp_path.glob("calls-*"))] == ["20261125", "20261126"]
    found = verify(tmp_path, KEYS)
    assert (found.is_good, found.begin, found.first, found.last) == (True, "expired", 5, 8)
    (tmp_path / "calls-20261125.jsonl").unlink()
    assert [(fault.kind, fault.first, fault.last) for fault in verify(tmp_path, KEYS).faults] == [("dropped", 5, 6)]


def test_records_of_before_there_were_checkpoints_are_taken_as_they_are(tmp_path: Path) -> None:
    for day in range(2):
        one = journal(tmp_path)
        one.put(decided(at=100.0 + day * 86400))
        one.close()
    (tmp_path / "calls-20261123.jsonl").unlink()  # as the retention of that version did
    one = journal(tmp_path, signer=SIGNER)
    one.put(decided(at=100.0 + 86400))
    one.close()

    found = verify(tmp_path, KEYS)
    assert (found.is_good, found.begin, found.first, found.last, found.gap_count) == (True, "expired", 2, 3, 0)


@pytest.mark.parametrize("fsync", ["off", "interval", "every"])
def test_the_policy_says_when_records_are_on_disk(tmp_path: Path, fsync: str, root: Path) -> None:
    """strace counts what really reaches the kernel; without it, only that each policy writes all."""
    script = "import sys; from pathlib import Path; from tests.observe.test_journal import trickle; trickle(Path(sys.argv[1]), sys.argv[2])"
    command = [sys.executable, "-c", script, str(tmp_path / "records"), fsync]
    traced = tmp_path / "trace"
    strace = which("strace")
    if strace:
        command = [strace, "-f", "-e", "trace=fdatasync", "-o", str(traced), *command]
    subprocess.run(command, cwd=root, check=True, timeout=60)

    assert check_chain(lines(tmp_path / "records")) == 20
    if strace:
        calls = traced.read_text().count("fdatasync(")
        assert calls == 0 if fsync == "off" else 1 <= calls <= 3 if fsync == "interval" else calls >= 10


def trickle(directory: Path, fsync: str) -> None:
    one = journal(directory, fsync=fsync)
    for _ in range(20):
        one.put(decided())
        time.sleep(0.11)
    one.close()


FULL = """
import json, resource, sys, time
from pathlib import Path
from tests.observe.chains import SIGNER
from tests.observe.reports import decided
from tests.observe.test_journal import journal, until
one = journal(Path(sys.argv[1]), capacity=200, signer=SIGNER)
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
slowest, put = 0.0, 0
while not one.dropped or put < 500:
    before = time.perf_counter()
    one.put(decided())
    slowest, put = max(slowest, time.perf_counter() - before), put + 1
    time.sleep(0.001)
full = one.refused
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
until(lambda: not one.queued)
one.put(decided())
one.close()
print(json.dumps({"slowest": slowest, "put": put + 1, "dropped": one.dropped, "full": full, "after": one.refused}))
"""


def test_a_disk_that_stays_full_leaves_a_recorded_gap(tmp_path: Path, root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], cwd=root, check=True, capture_output=True, timeout=60
    )
    told = json.loads(done.stdout)
    found = verify(tmp_path, KEYS)

    assert (told["full"], told["after"]) == (True, False)
    assert told["slowest"] < 1.0  # the pause between two tries: no call waits for one
    assert (found.is_good, found.lost, found.gap_count >= 1) == (True, told["dropped"], True)
    assert told["dropped"] > 0
    assert found.last - found.gap_count + found.lost == told["put"]
    assert {(gap.reason, gap.since <= gap.until) for gap in found.gaps} == {("queue", True)}


def test_no_space_left_on_a_real_file_system(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(disk)], capture_output=True, check=False
    ).returncode:
        pytest.skip("may not mount a small file system")
    try:
        one = journal(disk, capacity=100, signer=SIGNER)
        filler = disk / "filler"
        filler.write_bytes(b"x" * 100_000)
        until(lambda: one.put(decided()) or one.dropped, 20)
        until(lambda: one.refused)
        filler.unlink()
        until(lambda: not one.queued and not one.refused)
        one.put(decided())
        one.close()
        found = verify(disk, KEYS)
        assert (found.is_good, found.lost, found.gap_count, one.gaps >= 1) == (True, one.dropped, one.gaps, True)
        assert sealed(disk)[-1][::2] == ("stop", found.last)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_checkpoint_that_cannot_be_written_holds_up_no_record(tmp_path: Path) -> None:
    one = journal(tmp_path, signer=SIGNER, checkpoint=0.01)
    until(lambda: one.unsealed == 0 and sealed_to(tmp_path) == 0)
    (tmp_path / checkpoint.FILE).unlink()
    (tmp_path / checkpoint.FILE).mkdir()
    one.put(decided())
    until(lambda: one.refused and not one.queued)
    until(lambda: events(tmp_path) == ["call.verdict"])
    (tmp_path / checkpoint.FILE).rmdir()
    one.close()

    assert sealed(tmp_path) == [("stop", "20261123", 1)]
    assert not one.refused


NURSERY = """
import os, signal, sys, time
from pathlib import Path
from random import Random
from tests.observe.chains import SIGNER
from tests.observe.reports import decided, ended
from tests.observe.test_journal import journal
directory, dice = Path(sys.argv[1]), Random(7)
def write(fsync):
    one = journal(directory, capacity=60, offset=1_795_465_500.0 + dice.choice((0, 0, 3600, 50_000)), signer=SIGNER, fsync=fsync, checkpoint=0.12)
    while True:
        for _ in range(30):
            one.put(decided(at=time.monotonic() % 1000)); one.put(ended(at=time.monotonic() % 1000))
        time.sleep(0.01)
for number in range(int(sys.argv[2])):
    moment = dice.random() * 0.25
    child = os.fork()
    if child == 0:
        write(("off", "interval", "every")[number % 3])
    time.sleep(moment)
    assert child > 0
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


@pytest.mark.slow
def test_the_chain_is_whole_after_a_hundred_kills(tmp_path: Path, root: Path) -> None:
    """kill -9 at random points of writing, syncing, sealing, changing days and starting again."""
    subprocess.run([sys.executable, "-c", NURSERY, str(tmp_path), "100"], cwd=root, check=True, timeout=110)
    found = verify(tmp_path, KEYS)
    assert found.is_good, found.faults
    reasons = [json.loads(line)["reason"] for line in lines(tmp_path) if b'"event":"gap"' in line]
    assert reasons.count("crash") >= 60, found.gap_count  # a process that wrote nothing has nothing to say
    assert found.lines > 1000
    assert found.checkpoints > 60

    journal(tmp_path, signer=SIGNER).close()
    assert verify(tmp_path, KEYS).torn == 0


def test_a_power_cut_takes_no_more_than_what_no_checkpoint_has_closed(tmp_path: Path) -> None:
    """Everything behind the last checkpoint may be gone, or half of it, or be zeros; the chain goes on all the same."""
    one = journal(tmp_path, signer=SIGNER, checkpoint=0.01)
    for _ in range(5):
        one.put(decided())
    until(lambda: sealed_to(tmp_path) == 5 and not one.unsealed)  # on disk, and the next one is due
    one._interval = 3600.0
    one.put(decided())
    until(lambda: sealed_to(tmp_path) == 6)
    for _ in range(10):
        one.put(decided())
    until(lambda: not one.queued and one.unsealed == 10)
    path = tmp_path / "calls-20261123.jsonl"
    until(lambda: path.read_bytes().count(b"\n") == 16)
    written = path.read_bytes()
    kept = (tmp_path / checkpoint.FILE).read_bytes()
    one.close()
    safe = len(b"".join(written.splitlines(keepends=True)[:6]))
    for end in range(safe, len(written), 397):
        for zeros in (0, 900):
            path.write_bytes(written[:end] + b"\0" * zeros)
            (tmp_path / checkpoint.FILE).write_bytes(kept)
            assert verify(tmp_path, KEYS).is_good
            two = journal(tmp_path, signer=SIGNER)
            two.put(decided())
            two.close()
            found = verify(tmp_path, KEYS)
            assert (found.is_good, [gap.reason for gap in found.gaps]) == (True, ["crash"]), (end, zeros, found.faults)


def test_two_chains_in_one_directory(tmp_path: Path) -> None:
    for series, count in (("", 3), ("1", 5), ("1", 2)):
        written = journal(tmp_path, signer=SIGNER, series=series)
        for _ in range(count):
            written.put(decided())
        written.close()

    assert sorted(path.name for path in tmp_path.glob("*.jsonl")) == sorted(
        [path.name for path in record_files(tmp_path)] + ["checkpoints.jsonl", "checkpoints-1.jsonl"]
    )
    found = [verify(tmp_path, KEYS, series=series) for series in ("", "1")]
    assert [(each.is_good, each.last, each.sealed) for each in found] == [(True, 3, 3), (True, 7, 7)]


def test_who_waits_for_a_record_is_told_when_it_is_on_disk(tmp_path: Path) -> None:
    """What has been told is in the file, and no ticket twice, in order."""
    told: list[tuple[list[int], int]] = []
    path = tmp_path / "calls-20261123.jsonl"
    one = journal(
        tmp_path, fsync="off", committed=lambda tickets: told.append((tickets, path.read_bytes().count(b"\n")))
    )
    one.put(decided())
    for ticket in range(1, 301):
        one.commit(Commit(ticket, decided()))
    until(lambda: told and told[-1][0][-1] == 300)
    one.close()

    assert [ticket for tickets, _ in told for ticket in tickets] == list(range(1, 301))
    assert all(written >= tickets[-1] + 1 for tickets, written in told)


def test_a_disk_that_refuses_is_told_and_what_was_late_is_recorded(tmp_path: Path) -> None:
    told: list[object] = []
    one = journal(tmp_path, committed=told.append, refusing=lambda: told.append("refuses"))
    until((tmp_path / "calls-20261123.jsonl").exists) if one.commit(Commit(1, decided())) else None
    until(lambda: told == [[1]])
    one._directory, one._day = tmp_path / "gone", ""  # no file can be opened: the disk refuses
    one.commit(Commit(2, decided()))
    until(lambda: "refuses" in told)
    one._directory = tmp_path
    until(lambda: told[-1] == [2])
    one.put(Late(101.0, 100.0, 1))
    one.close()

    gap = json.loads(lines(tmp_path)[-1])
    assert (gap["event"], gap["reason"], gap["lost"], gap["late"]) == ("gap", "late", 0, 1)
    assert gap["since"] < gap["ts"]
    assert check_chain(lines(tmp_path)) == 3


def test_a_full_queue_waits_for_nobody(tmp_path: Path) -> None:
    one = journal(tmp_path, capacity=0)
    assert one.commit(Commit(1, decided())) is False
    one.close()
