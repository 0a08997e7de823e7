"""trunkward reload: let the running proxy read its configuration and directory anew."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import click
import msgspec

from proxy.checks.policy import NAMES
from proxy.cli.language import lang_option, pick
from proxy.cli.problems import show_problems
from proxy.settings.catalogue import text
from proxy.settings.load import load
from proxy.settings.problems import ConfigError


class Report(msgspec.Struct):
    """What the proxy wrote about its last reload."""

    ok: bool
    at: float
    force: bool
    problems: list[str]


@click.command("reload")
@click.option("-c", "--config", type=click.Path(path_type=Path), required=True, help="Configuration file.")
@click.option(
    "--force",
    is_flag=True,
    help="Take the directory even if it loses more numbers than directory.max_shrink.",
)
@click.option("--timeout", default=60.0, show_default=True, help="Seconds to wait for the proxy.")
@lang_option
def command(config: Path, force: bool, timeout: float, lang: str | None) -> None:
    """Reload the running proxy, and say whether it took the new configuration."""
    language = pick(lang)
    try:
        state = Path(load(config, rules=NAMES).node.state)
    except ConfigError as error:
        show_problems(error.problems, language)
        sys.exit(1)
    asked = time.time()
    try:
        pid = int((state / "trunkward.pid").read_text(encoding="ascii"))
        if not _serves(pid):
            raise ProcessLookupError(pid)
        os.kill(pid, signal.SIGUSR1 if force else signal.SIGHUP)
    except (OSError, ValueError):
        click.echo(text("reload.not_running", language, state=str(state)), err=True)
        sys.exit(1)
    report = _wait(state / "reload.json", asked, timeout)
    if report is None:
        click.echo(text("reload.no_answer", language, seconds=f"{timeout:g}"), err=True)
        sys.exit(1)
    for problem in report.problems:
        click.echo(problem, err=True)
    click.echo(text("reload.taken" if report.ok else "reload.refused", language), err=not report.ok)
    sys.exit(0 if report.ok else 1)


def _serves(pid: int) -> bool:
    """Whether this is a proxy. After a kill -9 the number in the file may be anybody's, and SIGHUP ends most."""
    return pid > 1 and b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def _wait(path: Path, asked: float, timeout: float) -> Report | None:
    """The first report that is younger than the question; None when none comes in time."""
    while time.time() < asked + timeout:
        try:
            report = msgspec.json.decode(path.read_bytes(), type=Report)
        except (OSError, msgspec.DecodeError):
            report = None
        if report is not None and report.at >= asked:
            return report
        time.sleep(0.05)
    return None
