"""The commands of the trunkward program, each imported only when it is run."""

from __future__ import annotations

import difflib
import sys
from importlib import import_module

import click

from proxy import __version__
from proxy.cli.language import pick

# name -> module; its `command` is what runs. In the order that --help shows.
COMMANDS = {
    "serve": "proxy.cli.serve",
    "demo": "proxy.cli.demo",
    "check-config": "proxy.cli.check_config",
    "explain": "proxy.cli.explain",
    "reload": "proxy.cli.reload",
    "directory": "proxy.cli.directory",
    "customer": "proxy.cli.customer",
    "trunk": "proxy.cli.trunk",
    "number": "proxy.cli.number",
    "dno": "proxy.cli.dno",
    "consent": "proxy.cli.consent",
    "call": "proxy.cli.call",
    "evidence": "proxy.cli.evidence",
    "report": "proxy.cli.report",
    "cert": "proxy.cli.cert",
    "identity": "proxy.cli.identity",
}


class LazyGroup(click.Group):
    """A group that knows the names of its commands and imports the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say which command was probably meant when there is none of that name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the catalogue, without importing any."""
        from proxy.settings.catalogue import text  # noqa: PLC0415 - read only where help is shown

        lang = pick(None)
        with formatter.section("Commands"):
            formatter.write_dl([(name, text(f"command.{name}", lang)) for name in COMMANDS])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="trunkward", message="%(prog)s %(version)s")
def main() -> None:
    """Trunkward: checks the calling number of every call on voice trunks. 语音中继主叫号码鉴权网关"""
    for stream in (sys.stdout, sys.stderr):
        # a terminal that cannot show a character gets its escape instead of a traceback
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
