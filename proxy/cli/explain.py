"""trunkward explain: every check on one call, its evidence, the verdict and the SIP answer."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import IO

import click

from proxy.cli.identity import identity_values
from proxy.cli.language import lang_option, pick
from proxy.cli.problems import show_problems
from proxy.cli.table import json_text, output_option, print_rows, visible
from proxy.parts import load_all
from proxy.replay.question import Question, QuestionError, RefusedError, ask
from proxy.settings.catalogue import text
from proxy.settings.problems import ConfigError

REJECTED = 3
COLUMNS = ("check", "outcome", "rule", "header", "value", "expected", "detail")


@click.command("explain")
@click.option("-c", "--config", type=click.Path(path_type=Path), required=True, help="Configuration file.")
@click.option("--trunk", "trunk_id", help="The trunk that the call comes from.")
@click.option("--source", help="The IP address that the call comes from, instead of --trunk.")
@click.option("--from", "caller", help="The number in From, or a whole From value.")
@click.option("--to", "called", help="The called number.")
@click.option("--pai", multiple=True, help="A number or value of P-Asserted-Identity; may be repeated.")
@click.option("--diversion", multiple=True, help="A number or value of Diversion; may be repeated.")
@click.option("--identity", multiple=True, help="The value of an Identity field, or @FILE; may be repeated.")
@click.option("--display", default="", help="The display name in From.")
@click.option("--message", type=click.File("rb"), help="A file that holds the whole INVITE, instead of numbers.")
@click.option("--at", type=click.DateTime(["%Y-%m-%d"]), help="Judge as of this day.")
@output_option
@lang_option
def command(
    config: Path,
    trunk_id: str | None,
    source: str | None,
    caller: str | None,
    called: str | None,
    pai: tuple[str, ...],
    diversion: tuple[str, ...],
    identity: tuple[str, ...],
    display: str,
    message: IO[bytes] | None,
    at: datetime | None,
    output: str,
    lang: str | None,
) -> None:
    """Show every check on a call, its findings and evidence, the verdict and the SIP answer."""
    language = pick(lang)
    if message is not None and (caller or called or pai or diversion or identity or display):
        raise click.UsageError(text("explain.message_alone", language))
    octets = message.read() if message is not None else None
    signed = tuple(value.decode(errors="surrogateescape") for value in identity_values(identity, language))
    question = Question(trunk_id, source, caller, called, pai, diversion, signed, display, octets)
    try:
        answer = ask(load_all(config), question, at.date() if at is not None else date.today())  # noqa: DTZ011  # the node's local day
    except ConfigError as error:
        show_problems(error.problems, language)
        sys.exit(1)
    except QuestionError as error:
        click.echo(visible(error.text(language)), err=True)
        sys.exit(REJECTED if isinstance(error, RefusedError) else 1)
    if output == "json":
        click.echo(json_text(answer.as_dict()))
    else:
        print_rows({key: text(f"column.{key}", language) for key in COLUMNS}, answer.rows(language), output)
        if output == "table":
            click.echo(answer.summary(language))
    sys.exit(REJECTED if answer.verdict.action == "reject" else 0)
