"""A directory as a file: the same directory comes back, and nothing but the whole of it is believed."""

from __future__ import annotations

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
    return builder.build()


def parts(directory: Directory) -> tuple[object, ...]:
    rows = directory.barred.rows
    return dict(directory.trunks), dict(directory.customers), directory.ranges, directory.sets, rows, directory.total


def test_the_same_directory_comes_back(tmp_path: Path) -> None:
    keep(tmp_path / "d", made())
    read = kept(tmp_path / "d")
    assert parts(read) == parts(made())
    assert read.trunks["acme-1"] == FULL
    assert (read.at("192.0.2.7")[0].id, read.grants("+862488880042")[0].purpose) == ("acme-1", "客服")
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


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


def test_a_million_numbers() -> None:
    first = array("Q", range(10**11, 10**11 + 2_000_000, 2))
    big = Directory({}, {}, first, first, array("I", bytes(4_000_000)), ((),))
    octets = encode(big)
    assert len(octets) < 32 * 2**20
    began = time.perf_counter()
    assert decode(octets).total == 1_000_000
    assert time.perf_counter() - began < 5
