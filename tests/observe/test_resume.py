"""Where the chain stands at a start: what disk and checkpoints say, and what somebody took away meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog

from proxy.observe import checkpoint
from proxy.observe.chain import GENESIS
from proxy.observe.resume import Standing, resume
from tests.observe.chains import DAYS, KEYS, hash_of, name_of, records, seal, write

LOG = structlog.make_filtering_bound_logger(50)(structlog.PrintLogger(), [], {})


def place(standing: Standing) -> tuple[int, str, str]:
    return standing.seq, standing.previous, standing.day


def test_nothing_is_there(tmp_path: Path) -> None:
    assert resume(tmp_path, KEYS, LOG) == Standing(0, GENESIS)


def test_the_chain_goes_on_behind_the_last_line(tmp_path: Path) -> None:
    lines = write(tmp_path)
    checkpoint.append(tmp_path, seal(lines, 120, "stop"))
    found = resume(tmp_path, KEYS, LOG)

    assert place(found) == (120, hash_of(lines[-1]), "2026-11-25")
    assert (found.is_unclean, found.begins) == (False, None)


@pytest.mark.parametrize(("seq", "reason"), [(120, "day"), (100, "stop"), (120, "interval")])
def test_whoever_did_not_stop_by_itself_is_unclean(tmp_path: Path, seq: int, reason: checkpoint.Reason) -> None:
    lines = write(tmp_path)
    checkpoint.append(tmp_path, seal(lines, seq, reason))
    found = resume(tmp_path, KEYS, LOG)

    assert (found.is_unclean, found.told().is_unclean, found.since[:10]) == (True, False, "2026-11-23")


def test_a_torn_line_is_cut_off_and_unclean(tmp_path: Path) -> None:
    lines = records(3)
    path = tmp_path / name_of(DAYS[0])
    path.write_bytes(b"".join(lines) + lines[0][:50])
    found = resume(tmp_path, {}, LOG)

    assert (place(found), found.is_unclean) == ((3, hash_of(lines[2]), "2026-11-23"), True)
    assert path.read_bytes() == b"".join(lines)


def test_signed_records_that_are_gone_stay_missed(tmp_path: Path) -> None:
    lines = write(tmp_path)
    for day in DAYS[1:]:
        (tmp_path / name_of(day)).unlink()

    assert place(resume(tmp_path, KEYS, LOG)) == (120, hash_of(lines[-1]), "2026-11-23")


def test_the_chain_goes_on_when_all_has_expired(tmp_path: Path) -> None:
    lines = write(tmp_path)
    for path in tmp_path.glob("calls-*"):
        path.unlink()
    checkpoint.append(tmp_path, seal(lines, 120, "expired"))

    assert place(resume(tmp_path, KEYS, LOG)) == (120, hash_of(lines[-1]), "")


def test_a_forged_checkpoint_does_not_move_the_chain(tmp_path: Path) -> None:
    lines = write(tmp_path)
    forged = seal(lines, 120, "stop").replace(b'"seq":120', b'"seq":900')
    with (tmp_path / checkpoint.FILE).open("ab") as file:
        file.write(forged + b"no checkpoint\n")

    assert resume(tmp_path, KEYS, LOG).seq == 120


def test_records_older_than_checkpoints_say_where_they_begin(tmp_path: Path) -> None:
    lines = records(9)
    (tmp_path / name_of(DAYS[0])).write_bytes(b"".join(lines[4:]))
    found = resume(tmp_path, KEYS, LOG)

    assert found.begins is not None
    assert (found.begins.seq, found.begins.prev, found.is_unclean) == (5, hash_of(lines[3]), False)
    assert resume(tmp_path, {}, LOG).begins is None


def test_a_last_line_that_is_no_record_begins_anew(tmp_path: Path) -> None:
    (tmp_path / name_of(DAYS[0])).write_bytes(b"{}\n")

    assert place(resume(tmp_path, {}, LOG)) == (0, GENESIS, "2026-11-23")
