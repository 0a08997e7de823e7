"""TIME on the command line."""

from __future__ import annotations

import time

import click
import pytest
from click.testing import CliRunner

from proxy.cli.moment import at_option, parse


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0), ("1795564800", 1795564800.0), ("1795564800.25", 1795564800.25), ("253402300799", 253402300799.0),
        ("2026-11-25T00:00:00Z", 1795564800.0), ("2026-11-25t00:00:00z", 1795564800.0), ("2026-11-25 00:00:00Z", 1795564800.0),
        ("2026-11-25T08:00:00+08:00", 1795564800.0), ("2026-11-24T16:00:00-08:00", 1795564800.0),
        ("2026-11-25T00:00:00.5Z", 1795564800.5), ("2016-12-31T23:59:60Z", 1483228800.0), ("1970-01-01T00:00:00Z", 0.0),
    ],
)  # fmt: skip
def test_moments(text: str, seconds: float) -> None:
    assert parse(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "-1", "1e9", "1_000", "１７９５", "253402300800", "9999999999999", "nan", " 1", "1\n",
        "2026-11-25", "2026-11-25T00:00Z", "2026-11-25T00:00:00", "2026-11-25T00:00:00+0800", "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z", "2026-11-25T24:00:00Z", "2026-11-25T00:60:00Z", "2026-11-25T00:00:61Z", "2026-11-25T00:00:00.Z",
        "1969-12-31T23:59:59Z", "2026-11-25T00:00:00Z\n", "２026-11-25T00:00:00Z", "0000-01-01T00:00:00Z", "2026-11-25T00:00:00+24:00",
    ],
)  # fmt: skip
def test_no_moments(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


@click.command()
@at_option
def told(at: float) -> None:
    """Say the moment."""
    click.echo(repr(at))


def test_option() -> None:
    assert CliRunner().invoke(told, ["--at", "2026-11-25T00:00:00Z"]).stdout == "1795564800.0\n"
    before = time.time()
    assert before <= float(CliRunner().invoke(told, []).stdout) <= time.time()
    wrong = CliRunner().invoke(told, ["--at", "yesterday\x1b"])
    assert (wrong.exit_code, "\x1b" in wrong.output) == (2, False)
    assert "is no time; write 2026-11-25T08:00:00Z or epoch seconds" in wrong.output
