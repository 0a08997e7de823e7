"""How long a response may be used."""

from __future__ import annotations

import time

import pytest

from stirshaken.freshness import MAX_DELTA, Freshness, age, directives, freshness, http_date, lifetime

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT
FAR = NOW + 10**9
DATE = b"Tue, 14 Nov 2023 22:13:20 GMT"
LATER = b"Tue, 14 Nov 2023 23:13:20 GMT"
EARLIER = b"Tue, 14 Nov 2023 21:13:20 GMT"

type_of_field = {b"c": b"Cache-Control", b"e": b"EXPIRES", b"d": b"date", b"a": b"Age"}


def fields(*pairs: bytes) -> list[tuple[bytes, bytes]]:
    """b"c: max-age=1" and the like; one letter names the field."""
    return [(type_of_field[pair[:1]], pair[2:]) for pair in pairs]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (fields(), 0),
        (fields(b"c: max-age=60"), 60),
        (fields(b"c: MAX-AGE=60"), 60),
        (fields(b'c: max-age="60"'), 60),
        (fields(b"c: public, max-age=60, immutable"), 60),
        (fields(b"c: public", b"c: max-age=60"), 60),
        (fields(b"c: max-age=60, s-maxage=90"), 90),
        (fields(b"c: s-maxage=0, max-age=60"), 0),
        (fields(b"c: max-age=60", b"c: max-age=30"), 30),
        (fields(b"c: max-age=30, max-age=60"), 30),
        (fields(b"c: max-age=60, max-age=x"), 0),
        (fields(b"c: no-store, max-age=60"), 0),
        (fields(b"c: No-Cache, max-age=60"), 0),
        (fields(b'c: no-cache="set-cookie", max-age=60'), 0),
        (fields(b"c: private, max-age=60"), 0),
        (fields(b'c: ext="a, no-store, b", max-age=60'), 60),
        (fields(b'c: ext="a\\", no-store", max-age=60'), 60),
        (fields(b'c: ext="a, max-age=60'), 0),
        (fields(b"c: ,, max-age=60 ,"), 60),
        (fields(b"c:\tmax-age=60\t"), 60),
        (fields(b"c: max-age = 60"), 0),
        (fields(b"c: max-age"), 0),
        (fields(b"c: max-age="), 0),
        (fields(b"c: max-age=-1"), 0),
        (fields(b"c: max-age=1_0"), 0),
        (fields(b"c: max-age=1.5"), 0),
        (fields("c: max-age=６０".encode()), 0),
        (fields(b"c: max-age=0000000000000060"), 60),
        (fields(b"c: max-age=99999999999999"), MAX_DELTA),
        (fields(b"c: max-age=" + b"9" * 5000), MAX_DELTA),
        (fields(b"c: smax-age=60, xmax-age=60"), 0),
        (fields(b"e: " + LATER, b"d: " + DATE), 3600),
        (fields(b"e: " + LATER, b"d: " + EARLIER), 7200),
        (fields(b"e: " + LATER), 3600),
        (fields(b"e: " + LATER, b"d: yesterday"), 3600),
        (fields(b"e: " + EARLIER, b"d: " + DATE), 0),
        (fields(b"e: 0"), 0),
        (fields(b"e: -1", b"d: " + DATE), 0),
        (fields(b"e: " + LATER, b"c: max-age=60"), 60),
        (fields(b"e: " + LATER, b"c: max-age=x"), 0),
        (fields(b"e: " + LATER, b"c: no-store"), 0),
    ],
    ids=lambda value: None if isinstance(value, list) else str(value),
)  # fmt: skip
def test_lifetime(headers: list[tuple[bytes, bytes]], seconds: float) -> None:
    assert lifetime(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "delay", "seconds"),
    [
        (fields(), 0.0, 0),
        (fields(), 1.5, 1.5),
        (fields(b"a: 30"), 1.5, 31.5),
        (fields(b"d: " + EARLIER), 1.0, 3600),
        (fields(b"d: " + EARLIER, b"a: 4000"), 1.0, 4001),
        (fields(b"d: " + LATER), 0.0, 0),
        (fields(b"a: soon"), 0.0, 0),
        (fields(b"a: -5"), 0.0, 0),
        (fields(b"a: 10", b"a: 99"), 0.0, 10),
    ],
)
def test_age(headers: list[tuple[bytes, bytes]], delay: float, seconds: float) -> None:
    assert age(headers, NOW, delay) == seconds


@pytest.mark.parametrize(
    ("headers", "floor", "ceiling", "stale", "fresh", "usable"),
    [
        pytest.param(fields(), 0, FAR, 0, 0, 0, id="nothing-said"),
        pytest.param(fields(), 86400, FAR, 0, 86400, 86400, id="floor"),
        pytest.param(fields(b"c: max-age=60"), 86400, FAR, 0, 86400, 86400, id="floor-over-a-short-time"),
        pytest.param(fields(b"c: no-store"), 86400, FAR, 10, 86400, 86400, id="floor-over-no-store-without-grace"),
        pytest.param(fields(b"c: private"), 86400, FAR, 10, 86400, 86400, id="floor-over-private-without-grace"),
        pytest.param(fields(b"c: no-cache"), 86400, FAR, 10, 86400, 86400, id="floor-over-no-cache-without-grace"),
        pytest.param(fields(b"c: max-age=60"), 10, FAR, 0, 60, 60, id="longer-than-the-floor"),
        pytest.param(fields(b"c: max-age=60", b"a: 45"), 10, FAR, 0, 15, 15, id="less-its-age"),
        pytest.param(fields(b"c: max-age=60", b"a: 90"), 10, FAR, 0, 10, 10, id="older-than-its-time"),
        pytest.param(fields(b"c: max-age=600"), 10, NOW + 100, 50, 100, 100, id="ceiling"),
        pytest.param(fields(), 86400, NOW + 100, 50, 100, 100, id="ceiling-over-the-floor"),
        pytest.param(fields(), 86400, NOW - 5, 50, -5, -5, id="ceiling-passed"),
        pytest.param(fields(b"c: max-age=60"), 0, FAR, 30, 60, 90, id="default-grace"),
        pytest.param(fields(b"c: max-age=60, stale-while-revalidate=7"), 0, FAR, 30, 60, 67, id="grace-named"),
        pytest.param(fields(b"c: max-age=60, stale-while-revalidate=0"), 0, FAR, 30, 60, 60, id="grace-of-nothing"),
        pytest.param(fields(b"c: max-age=60, stale-while-revalidate"), 0, FAR, 30, 60, 60, id="grace-malformed"),
        pytest.param(fields(b"c: max-age=60, must-revalidate"), 0, FAR, 30, 60, 60, id="no-grace"),
        pytest.param(fields(b"c: max-age=60, proxy-revalidate, stale-while-revalidate=7"), 0, FAR, 30, 60, 60, id="no-grace-either"),
        pytest.param(fields(b"c: max-age=60"), 0, NOW + 70, 30, 60, 70, id="grace-ends-at-the-ceiling"),
    ],
)  # fmt: skip
def test_freshness(
    headers: list[tuple[bytes, bytes]], floor: float, ceiling: float, stale: float, fresh: float, usable: float
) -> None:
    judged = freshness(headers, NOW, floor=floor, ceiling=ceiling, stale=stale)

    assert judged == Freshness(NOW + fresh, NOW + usable)


def test_the_way_here_counts() -> None:
    assert freshness(fields(b"c: max-age=60"), NOW, floor=0, ceiling=FAR, delay=2.5).fresh_until == NOW + 57.5


def test_directives() -> None:
    found = directives(fields(b'c: a, B="x, y", c=1', b"c: =2, d e, f=g"))

    assert found == {b"a": None, b"b": b"x, y", b"c": b"1", b"f": b"g"}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"Sun, 06 Nov 1994 08:49:37 GMT", 784111777),
        (b"Sunday, 06-Nov-94 08:49:37 GMT", 784111777),
        (b"Sun Nov  6 08:49:37 1994", 784111777),
        (b"Thu, 01 Jan 1970 00:00:00 GMT", 0),
        (b"Sunday, 06-Nov-33 08:49:37 GMT", 2014879777),
        (b"Sat, 31 Dec 2016 23:59:60 GMT", 1483228799),
        (b"Thu, 31 Dec 9999 23:59:59 GMT", 253402300799),
        (b"Sun, 06 Nov 1994 08:49:37 UTC", None),
        (b"Sun, 06 Nov 1994 08:49:37 +0100", None),
        (b"Sun, 6 Nov 1994 08:49:37 GMT", None),
        (b"Sun, 06 nov 1994 08:49:37 GMT", None),
        (b"Sun, 31 Feb 1994 08:49:37 GMT", None),
        (b"Sun, 06 Nov 0000 08:49:37 GMT", None),
        (b"Sun, 06 Nov 1994 24:00:00 GMT", None),
        (b"Sun, 06 Nov 1994 08:49:37 GMT ", None),
        (b"Sun, 06 Nov 1994 08:49:37 GMT\n", None),
        (b"06 Nov 1994 08:49:37 GMT", None),
        ("Sun, ０6 Nov 1994 08:49:37 GMT".encode(), None),
        (b"784111777", None),
        (b"", None),
    ],
)
def test_http_date(value: bytes, seconds: float | None) -> None:
    assert http_date(value) == seconds


@pytest.mark.parametrize("value", [b'"\\' * 8000, b'"' * 16001, b"," * 16000, b"a=" * 8000, b" " * 16000, b"a" * 16000])
def test_a_long_field_costs_little(value: bytes) -> None:
    began = time.perf_counter()
    freshness([(b"cache-control", value)], NOW, floor=0, ceiling=FAR)
    assert time.perf_counter() - began < 0.1
