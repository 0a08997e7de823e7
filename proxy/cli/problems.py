"""Shows what is wrong with a configuration."""

from __future__ import annotations

from collections.abc import Collection

import click

from proxy.cli.table import visible
from proxy.settings.catalogue import text
from proxy.settings.problems import Problem


def show_problems(problems: Collection[Problem], lang: str) -> None:
    """Print each problem on standard error, then how many there are; nothing when there are none."""
    for problem in problems:
        click.echo(visible(problem.text(lang)), err=True)
    if problems:
        click.echo(text("check.problems", lang, count=len(problems)), err=True)
