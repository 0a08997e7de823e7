"""A directory as a file: the same directory comes back, and nothing but the whole of it is believed."""

from __future__ import annotations

import gc
import hashlib
import struct
import sys
import time
from array import array
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.call.barred import Bar
from proxy.call.directory import Directory, DirectoryBuilder, key_of
from proxy.call.trunk import Customer, DialPlan, IdentityTerms, RuleAction, Trunk, TrunkLimits
from proxy.store.snapshot import SnapshotError, decode, encode, keep, kept

DAY = date(2026, 11, 25)
FULL = Trunk(
    id="acme-1",
    customer=Customer("acme", "Acme 呼叫中心", True),
    role="peer",
    screening="asserted",
    sources=("192.0.2.0/24", "2001:db8::/32"),
    gateway=("sip:192.0.2.1",),
    tgrp="two",
    mode="block",
    suspended=True,
    pilot_number="+862488880000",
    dial_plan=DialPlan("86", "24", ("9",), {"0086": "+86"}, frozenset({"110", "119"})),
    valid_from=date(2026, 1, 1),
    valid_to=date(2027, 12, 31),
    policy={"caller": RuleAction("reject", 603), "trunk": RuleAction("tag")},
    identity=IdentityTerms("required", "B", "reject", False),
    limits=TrunkLimits(10, 30, 500),
)


def made() -> Directory:
    builder = DirectoryBuilder()
    builder.add_customer(Customer("idle"))
    builder.add_trunk(FULL)
    builder.add_trunk(Trunk("zeta-1", Customer("zeta")))
    builder.add("acme-1", "+862488880000", "+862488880099", None, date(2026, 12, 31), "客服", "letter")
    builder.add("zeta-1", "+8695588", "+8695588")
    builder.add_bar(key_of("+862484444000"), key_of("+862484444009"), Bar("bank", date(2026, 1, 1)))
    builder.add_bar(key_of("+862484444000"), key_of("+862484444009"), Bar("too", None, date(2026, 1, 1)))
    builder.add_consent(key_of("+8613800138000"), "acme", None, date(2026, 11, 24))
    builder.add_consent(key_of("+8613800138000"), "zeta", date(2026, 1, 1))
    return builder.build()


def parts(directory: Directory) -> tuple[object, ...]:
    tables = [directory, directory.barred]
    arrays = [list(each) for table in tables for each in table.ranges]
    consents = [list(each) for each in directory.consents.arrays]
    sets = [tuple(table.sets) for table in tables]
    return dict(directory.trunks), dict(directory.customers), arrays, consents, sets, directory.entries


def test_the_same_directory_comes_back(tmp_path: Path) -> None:
    digest = keep(tmp_path / "d", made())
    read, found = kept(tmp_path / "d")
    assert found == digest
    assert parts(read) == parts(made())
    assert read.trunks["acme-1"] == FULL
    assert (read.at("192.0.2.7")[0].id, read.grants("+862488880042")[0].purpose) == ("acme-1", "客服")
    assert read.bar("+862484444004", DAY) == Bar("bank", date(2026, 1, 1))
    assert [read.consents.given(key_of("+8613800138000"), whose, DAY) for whose in ("acme", "zeta")] == [False, True]
    assert [path.name for path in tmp_path.iterdir()] == ["d"]
    (tmp_path / "d").unlink()
    assert read.allocated("zeta-1", "+8695588", DAY)


def test_it_is_freed_with_its_directory(tmp_path: Path) -> None:
    keep(tmp_path / "d", made())
    read, _ = kept(tmp_path / "d")
    read.grants("+8695588")
    assert str(tmp_path) in Path("/proc/self/maps").read_text()
    gc.disable()  # a node looks for cycles but seldom
    try:
        del read
        assert str(tmp_path) not in Path("/proc/self/maps").read_text()
    finally:
        gc.enable()


@given(st.lists(st.tuples(st.sampled_from(["acme-1", "acme-2"]), st.integers(10, 99), st.integers(0, 30)), max_size=9))
def test_it_answers_as_what_it_was_made_of(ranges: list[tuple[str, int, int]]) -> None:
    builder = DirectoryBuilder()
    for trunk in ("acme-1", "acme-2"):
        builder.add_trunk(Trunk(trunk, Customer("acme")))
    for trunk, low, more in ranges:
        builder.add(trunk, f"+{low}", f"+{min(99, low + more)}", None, date(2026, 11, 1 + more % 30), str(low % 3))
    whole = builder.build()
    read = decode(encode(whole))
    assert [read.grants(f"+{number}") for number in range(10, 100)] == [whole.grants(f"+{number}") for number in range(10, 100)]  # fmt: skip
    assert (read.total, list(read.sets), read.sets[:1]) == (whole.total, list(whole.sets), whole.sets[:1])
    assert read.ranges_of("acme-2", 99) == whole.ranges_of("acme-2", 99)


OCTETS = encode(made())


@given(st.integers(0, len(OCTETS) - 1), st.integers(1, 255))
def test_a_changed_octet_is_seen(place: int, change: int) -> None:
    changed = bytearray(OCTETS)
    changed[place] ^= change
    with pytest.raises(SnapshotError):
        decode(bytes(changed))


@given(st.integers(0, len(OCTETS) - 1))
def test_a_file_that_is_cut_off_is_seen(length: int) -> None:
    with pytest.raises(SnapshotError):
        decode(OCTETS[:length])


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (b"", "empty"),
        (b"TWDIR1\n" + bytes(99), "version"),
        (OCTETS + b"\0", "changed"),
        (OCTETS[:-8], "changed"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, octets: bytes, says: str) -> None:
    (tmp_path / "d").write_bytes(octets)
    with pytest.raises(SnapshotError, match=says):
        kept(tmp_path / "d")


def test_of_another_machine() -> None:
    body = struct.pack(">Q", 0x0102030405060708) if sys.byteorder == "little" else struct.pack("<Q", 0x0102030405060708)
    rest = body + OCTETS[48:]
    with pytest.raises(SnapshotError, match="order of octets"):
        decode(OCTETS[:8] + hashlib.sha256(rest).digest() + rest)


def test_nobody_writes_into_it_by_mistake(tmp_path: Path) -> None:
    keep(tmp_path / "d", made())
    keep(tmp_path / "d", made())
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o440


def test_a_million_numbers(tmp_path: Path) -> None:
    first = array("Q", range(10**11, 10**11 + 2_000_000, 2))
    keep(tmp_path / "d", Directory({}, {}, first, first, array("I", bytes(4_000_000)), ((),)))
    assert (tmp_path / "d").stat().st_size < 32 * 2**20
    began = time.perf_counter()
    assert kept(tmp_path / "d")[0].total == 1_000_000
    assert time.perf_counter() - began < 5
