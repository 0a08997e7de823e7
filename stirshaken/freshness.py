"""How long an HTTP response may be used (RFC 9111, RFC 5861): header fields and `now` in, instants out."""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

Headers = Sequence[tuple[bytes, bytes]]

# RFC 9111 §1.2.2: what is larger than this many seconds counts as this.
MAX_DELTA: Final = 2**31

#   cache-directive  =  token [ "=" ( token / quoted-string ) ]  (RFC 9111 §5.2)
_DIRECTIVE: Final = re.compile(rb'[ \t]*([!#$%&\'*+\-.^_`|~0-9A-Za-z]+)(?:=(?:"([^"\\]*)"|([^\x00-\x20",;]*)))?[ \t]*')
# A quoted string that does not end takes all that is left: a search that never starts over is linear.
_QUOTED_OR_COMMA: Final = re.compile(rb'"[^"\\]*(?:\\[\x00-\xff][^"\\]*)*(?:"|\\?\Z)|,')
_DELTA: Final = re.compile(rb"[0-9]+")

_MONTHS: Final = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_DAY: Final = rb"(?P<day>[0-9]{2})"
_MONTH: Final = rb"(?P<month>" + b"|".join(_MONTHS) + rb")"
_TIME: Final = rb"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
#   HTTP-date  =  IMF-fixdate / rfc850-date / asctime-date  (RFC 9110 §5.6.7); a recipient takes all three
_DATES: Final = (
    re.compile(rb"[A-Z][a-z]{2}, " + _DAY + b" " + _MONTH + rb" (?P<year>[0-9]{4}) " + _TIME + b" GMT"),
    re.compile(rb"[A-Z][a-z]{5,8}, " + _DAY + b"-" + _MONTH + rb"-(?P<year>[0-9]{2}) " + _TIME + b" GMT"),
    re.compile(rb"[A-Z][a-z]{2} " + _MONTH + rb" (?P<day>[ 0-9][0-9]) " + _TIME + rb" (?P<year>[0-9]{4})"),
)


@dataclass(frozen=True, slots=True)
class Freshness:
    """Epoch seconds: fresh until the first, then usable while it is being fetched again until the second."""

    fresh_until: float
    stale_until: float


def freshness(
    headers: Headers, now: float, *, floor: float, ceiling: float, stale: float = 0.0, delay: float = 0.0
) -> Freshness:
    """
    How long a response that came in at `now`, `delay` seconds after it was asked for, may be used.

    ATIS-1000074 keeps a certificate for at least `floor` seconds, whatever the repository says of it, and never past
    `ceiling`, its chain's end. `stale` is the time of grace where the repository names none.
    """
    said = directives(headers)
    left = lifetime(headers, now) - age(headers, now, delay)
    fresh_until = min(now + max(left, floor), ceiling)
    return Freshness(fresh_until, min(fresh_until + _grace(said, stale), ceiling))


def directives(headers: Headers) -> dict[bytes, bytes | None]:
    """
    The directives of all Cache-Control fields, names in lower case; None where one has no value.

    Of two values of one directive the shorter time stands (RFC 9111 §4.2.1); what is no directive is passed over.
    """
    found: dict[bytes, bytes | None] = {}
    for value in _values(headers, b"cache-control"):
        for item in _items(value):
            match = _DIRECTIVE.fullmatch(item)
            if match is None:
                continue
            name, argument = match[1].lower(), match[2] if match[2] is not None else match[3]
            if name not in found or _delta(argument) < _delta(found[name]):
                found[name] = argument
    return found


def lifetime(headers: Headers, now: float) -> float:
    """
    The freshness lifetime in seconds as a shared cache sees it (RFC 9111 §4.2.1): s-maxage, max-age, Expires less
    Date. 0 where it must not be stored or used without asking, or nothing is said, or it is said wrongly.
    """
    said = directives(headers)
    if said.keys() & {b"no-store", b"no-cache", b"private"}:
        return 0.0
    for name in (b"s-maxage", b"max-age"):
        if name in said:
            return float(_delta(said[name]))
    expires = next(_values(headers, b"expires"), None)
    if expires is None:
        return 0.0
    made = next((date for date in map(http_date, _values(headers, b"date")) if date is not None), now)
    return max(0.0, (http_date(expires) or 0.0) - made)


def age(headers: Headers, now: float, delay: float = 0.0) -> float:
    """How old a response was when it came in, in seconds (RFC 9111 §4.2.3); a malformed field counts for nothing."""
    said = next((_delta(value) for value in _values(headers, b"age")), 0)
    made = next((date for date in map(http_date, _values(headers, b"date")) if date is not None), now)
    return max(0.0, now - made, said + delay)


def http_date(value: bytes) -> float | None:
    """An HTTP-date as epoch seconds, None where it is none (RFC 9110 §5.6.7); two-digit years are 1970 to 2069."""
    match = next((match for pattern in _DATES if (match := pattern.fullmatch(value))), None)
    if match is None:
        return None
    year = int(match["year"])
    if len(match["year"]) == 2:
        year += 1900 if year >= 70 else 2000
    second = min(int(match["second"]), 59)  # a leap second
    try:
        moment = datetime(
            year,
            _MONTHS.index(match["month"]) + 1,
            int(match["day"]),
            int(match["hour"]),
            int(match["minute"]),
            second,
            tzinfo=UTC,
        )
    except ValueError:
        return None
    return float(timegm(moment.utctimetuple()))


def _grace(said: dict[bytes, bytes | None], stale: float) -> float:
    """How long it may be used past its time (RFC 5861 §3)."""
    if said.keys() & {b"no-store", b"no-cache", b"private", b"must-revalidate", b"proxy-revalidate"}:
        return 0.0
    if b"stale-while-revalidate" in said:
        return float(_delta(said[b"stale-while-revalidate"]))
    return stale


def _delta(value: bytes | None) -> int:
    """Seconds; 0 for what is no number, so that a response with wrong freshness is stale (RFC 9111 §4.2.1)."""
    if value is None or not _DELTA.fullmatch(value):
        return 0
    digits = value.lstrip(b"0") or b"0"
    return min(int(digits), MAX_DELTA) if len(digits) <= len(str(MAX_DELTA)) else MAX_DELTA


def _values(headers: Headers, name: bytes) -> Iterator[bytes]:
    return (value.strip(b" \t") for key, value in headers if key.lower() == name)


def _items(value: bytes) -> Iterator[bytes]:
    """The items of a comma-separated list; commas in quotes separate nothing."""
    start = 0
    for match in _QUOTED_OR_COMMA.finditer(value):
        if match[0] == b",":
            yield value[start : match.start()]
            start = match.end()
    yield value[start:]
