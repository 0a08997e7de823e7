"""The directory against a naive model, and its answers on the edges."""

from __future__ import annotations

import pickle  # noqa: TID251  # as multiprocessing does
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.call.directory import MAX_DIGITS, Directory, DirectoryBuilder, Grant, Overlap, key_of, number_of
from proxy.call.trunk import Customer, Trunk

TODAY = date(2026, 11, 23)
ACME, ZETA = Customer("acme"), Customer("zeta")


def builder() -> DirectoryBuilder:
    made = DirectoryBuilder()
    made.add_trunk(Trunk("acme-1", ACME, sources=("127.0.0.2/32", "10.1.0.0/16")))
    made.add_trunk(Trunk("acme-2", ACME, sources=("10.1.2.0/24", "2001:db8::/32")))
    made.add_trunk(Trunk("zeta-1", ZETA, sources=("127.0.0.2/32",)))
    return made


@pytest.mark.parametrize(
    ("number", "found"),
    [
        ("+862488880000", True),
        ("+862488880099", True),
        ("+862488880100", False),
        ("+862487999999", False),
        ("+86248888000", False),  # a digit short
        ("+8624888800000", False),  # a digit long
        ("862488880000", False),
        ("", False),
        ("+", False),
        ("+８６２４８８８８００００", False),
        ("+1_3", False),
    ],
)
def test_borders_of_a_range(number: str, found: bool) -> None:
    made = builder()
    made.add("acme-1", "+862488880000", "+862488880099")

    assert made.build().allocated("acme-1", number, TODAY) is found


@pytest.mark.parametrize(
    ("today", "why"),
    [
        (date(2026, 1, 1), ""),
        (date(2026, 12, 31), ""),
        (date(2027, 1, 1), "an allocation in force; it ended on 2026-12-31"),
        (date(2025, 12, 31), "an allocation in force; it begins on 2026-01-01"),
    ],
)
def test_days_of_an_allocation_are_inclusive(today: date, why: str) -> None:
    made = builder()
    made.add("acme-1", "+8624", "+8624", date(2026, 1, 1), date(2026, 12, 31))
    directory = made.build()

    assert directory.allocated("acme-1", "+8624", today) is (why == "")
    assert directory.why_not("acme-1", "+8624", today) == why


def test_anothers_number_is_not_given_away() -> None:
    made = builder()
    made.add("zeta-1", "+8610", "+8619")

    assert made.build().why_not("acme-1", "+8615", TODAY) == "a number allocated to trunk acme-1"


def test_prefix_covers_every_longer_number() -> None:
    made = builder()
    made.add_prefix("acme-1", "+8695138")
    directory = made.build()

    assert [
        directory.allocated("acme-1", number, TODAY) for number in ("+8695138", "+86951380", "+869513800001234")
    ] == [True] * 3
    assert not directory.allocated("acme-1", "+8695139", TODAY)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("+861", "+860"),
        ("+861", "+8611"),
        ("861", "861"),
        ("+86１", "+86１"),
        ("", ""),
        ("+" + "1" * (MAX_DIGITS + 1),) * 2,
    ],
)
def test_what_is_no_range(first: str, last: str) -> None:
    with pytest.raises(ValueError, match="no range"):
        builder().add("acme-1", first, last)


def test_trunks_of_one_customer_may_share_numbers() -> None:
    made = builder()
    made.add("acme-2", "+8610", "+8619")
    made.add("acme-1", "+8615", "+8616")
    directory = made.build()

    assert {grant.trunk_id for grant in directory.grants("+8615")} == {"acme-1", "acme-2"}
    assert [grant.trunk_id for grant in directory.grants("+8617")] == ["acme-2"]
    assert directory.owner("+8615", TODAY) == directory.trunks["acme-1"]
    assert directory.owner("+8620", TODAY) is None


def test_two_customers_may_not() -> None:
    made = builder()
    made.add("acme-1", "+8610", "+8619")
    made.add("zeta-1", "+8615", "+8630")

    with pytest.raises(Overlap) as caught:
        made.build()
    assert caught.value.conflicts == (("+8615", "+8619", "acme", "zeta"),)


def test_a_number_may_change_hands() -> None:
    made = builder()
    made.add("acme-1", "+8610", "+8619", None, date(2026, 6, 30))
    made.add("zeta-1", "+8610", "+8619", date(2026, 7, 1), None)
    directory = made.build()

    assert directory.owner("+8612", date(2026, 6, 30)) == directory.trunks["acme-1"]
    assert directory.owner("+8612", date(2026, 7, 1)) == directory.trunks["zeta-1"]


@pytest.mark.parametrize(
    ("ip", "trunks"),
    [
        ("127.0.0.2", ["acme-1", "zeta-1"]),
        ("10.1.2.3", ["acme-2"]),  # the longest prefix alone
        ("10.1.3.3", ["acme-1"]),
        ("2001:db8::7", ["acme-2"]),
        ("::ffff:10.1.2.3", ["acme-2"]),
        ("::10.1.2.3", []),  # the same number in the other version
        ("2001:db9::1", []),
        ("127.0.0.3", []),
        ("no address", []),
    ],
)
def test_trunks_at_an_address(ip: str, trunks: list[str]) -> None:
    assert [trunk.id for trunk in builder().build().at(ip)] == trunks


def test_it_survives_the_way_from_a_child_process() -> None:
    made = builder()
    made.add("acme-1", "+8610", "+8619", purpose="服务")
    directory = made.build()
    copy: Directory = pickle.loads(pickle.dumps(directory))

    assert copy.grants("+8612") == (Grant("acme-1", purpose="服务"),)
    assert (copy.entries, copy.trunks, copy.at("127.0.0.2")) == (
        directory.entries,
        directory.trunks,
        directory.at("127.0.0.2"),
    )


def test_counts_and_ranges_of_a_trunk() -> None:
    made = builder()
    made.add("acme-1", "+8610", "+8619")
    made.add("acme-1", "+8620", "+8620")  # adjoins: one range
    made.add("zeta-1", "+8621", "+8621")
    directory = made.build()

    assert directory.entries == {
        "trunks": 3,
        "customers": 2,
        "ranges": 2,
        "numbers": 12,
        "barred": 0,
        "consents": 0,
    }
    assert (directory.count_of("acme-1"), directory.count_of("acme-2")) == (11, 0)
    assert directory.ranges_of("acme-1", 5) == [("+8610", "+8620", Grant("acme-1"))]


RANGE = st.tuples(st.sampled_from(["acme-1", "acme-2"]), st.integers(0, 99), st.integers(0, 30))


@given(st.lists(RANGE, max_size=12), st.sampled_from(["acme-1", "acme-2"]))
def test_like_a_naive_model(ranges: list[tuple[str, int, int]], trunk: str) -> None:
    made = builder()
    model: set[int] = set()
    for owner, low, size in ranges:
        high = min(99, low + size)
        made.add(owner, f"+86{low:02}", f"+86{high:02}")
        if owner == trunk:
            model |= set(range(low, high + 1))
    directory = made.build()

    assert {number for number in range(100) if directory.allocated(trunk, f"+86{number:02}", TODAY)} == model
    assert directory.count_of(trunk) == len(model)


@given(st.integers(1, MAX_DIGITS), st.integers(1, MAX_DIGITS), st.data())
def test_keys_keep_lengths_apart_and_order_within(one: int, other: int, data: st.DataObject) -> None:
    a = data.draw(st.text("0123456789", min_size=one, max_size=one))
    b = data.draw(st.text("0123456789", min_size=other, max_size=other))

    assert (key_of("+" + a) < key_of("+" + b)) is ((len(a), a) < (len(b), b))
    assert key_of("+" + a) < 2**64


def test_ranges_of_keys_are_ranges_of_numbers() -> None:
    made = builder()
    made.add_keys("acme-1", key_of("+8695588"), key_of("+8695599"), None, date(2026, 1, 1), "hotline", "letter")
    (grant,) = made.build().grants("+8695590")
    assert (grant.trunk_id, grant.valid_to, grant.purpose, grant.proof) == ("acme-1", date(2026, 1, 1), "hotline", "letter")  # fmt: skip
    assert number_of(key_of("+8695588")) == "+8695588"
    for low, high in ((1, 1), (18695588, 18695587), (18695588, 186955880), (2 * 10**18, 2 * 10**18)):
        with pytest.raises(ValueError, match="no range of keys"):
            made.add_keys("acme-1", low, high)
