"""Token buckets."""

from __future__ import annotations

from proxy.core.bucket import Bucket


def taken(bucket: Bucket, rate: float, times: int, now: float) -> int:
    return sum(bucket.take(rate, now) for _ in range(times))


def test_a_second_s_worth_at_once_and_then_as_it_comes() -> None:
    bucket = Bucket()
    assert taken(bucket, 10, 50, 100.0) == 10
    assert taken(bucket, 10, 50, 100.35) == 3
    assert taken(bucket, 10, 50, 100.4) == 1  # what was left of the last one is not lost
    assert taken(bucket, 10, 50, 1000.0) == 10  # no more than a second's worth is kept


def test_the_rate_is_never_exceeded_for_long_and_always_reached() -> None:
    bucket = Bucket()
    passed = sum(bucket.take(10, 100.0 + step / 50) for step in range(50 * 60))  # five times the rate, for a minute
    assert passed in (609, 610)
    steady = Bucket()
    assert all(steady.take(10, 100.0 + step / 10) for step in range(600))


def test_looking_takes_nothing() -> None:
    bucket = Bucket()
    assert bucket.holds(2, 100.0)
    assert taken(bucket, 2, 2, 100.0) == 2
    assert [bucket.holds(2, at) for at in (100.0, 100.4, 100.5, 100.5)] == [False, False, True, True]


def test_one_a_second_may_come_a_little_early() -> None:
    bucket = Bucket()
    assert [bucket.take(1, at) for at in (100.0, 100.9, 101.8, 102.0, 102.1)] == [True, True, True, True, False]
