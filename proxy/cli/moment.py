"""TIME on the command line: RFC 3339, or seconds since 1970."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

# date-time = full-date "T" full-time; "T" and "Z" in either case, a blank for "T" (RFC 3339 §5.6)
_RFC3339: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}):([0-9]{2})(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_EPOCH: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?", re.ASCII)
_LAST: Final = 253402300799.0  # 9999-12-31T23:59:59Z, the last moment of a certificate (RFC 5280 §4.1.2.5)


def parse(text: str) -> float:
    """Read a moment as epoch seconds, from 1970 to 9999. Raises ValueError for anything else."""
    if _EPOCH.fullmatch(text):
        return _bounded(float(text))
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError("no RFC 3339 date-time and no epoch seconds")
    day, minute, second, fraction, zone = found.groups()
    if int(second) > 60:  # 60 is a leap second
        raise ValueError("no such second")
    begun = datetime.fromisoformat(f"{day}T{minute}:00{'+00:00' if zone in 'Zz' else zone}")
    return _bounded((begun + timedelta(seconds=int(second))).timestamp() + float(fraction or 0))


def at_option(function: Decorated) -> Decorated:
    """Add `--at TIME` to a command, which gets epoch seconds: those of the option, or the clock's."""
    says = "Moment to judge at: RFC 3339 or epoch seconds (default: now)."
    return click.option("--at", metavar="TIME", callback=_read, help=says)(function)


def _read(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float:
    if value is None:
        return time.time()
    try:
        return parse(value)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value!a} is no time; write 2026-11-25T08:00:00Z or epoch seconds") from None


def _bounded(seconds: float) -> float:
    if not 0 <= seconds <= _LAST:
        raise ValueError("before 1970 or after 9999")
    return seconds
