"""trunkward serve: the proxy in the foreground."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from proxy.cli.language import lang_option, pick
from proxy.cli.problems import show_problems
from proxy.net.udp import ListenError
from proxy.settings.catalogue import text
from proxy.settings.problems import ConfigError
from proxy.supervisor.serve import serve


@click.command("serve")
@click.option("-c", "--config", type=click.Path(path_type=Path), required=True, help="Configuration file.")
@click.option(
    "--log",
    "form",
    type=click.Choice(["auto", "json", "console"]),
    default="auto",
    help="Form of the log on stderr.",
)
@lang_option
def command(config: Path, form: str, lang: str | None) -> None:
    """Run the proxy. SIGHUP reloads, SIGTERM drains and stops."""
    language = pick(lang)
    json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    try:
        sys.exit(serve(config, json=json))
    except ConfigError as error:
        show_problems(error.problems, language)
    except ListenError as error:
        click.echo(text("serve.cannot_listen", language, what=str(error)), err=True)
    except OSError as error:
        where = error.filename or ""
        click.echo(
            text("serve.os_error", language, what=error.strerror or type(error).__name__, where=where),
            err=True,
        )
    sys.exit(1)
