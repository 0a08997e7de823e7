"""Groups of commands of which some are imported only when they are asked for: databases take long to import."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LateGroup(click.Group):
    """A group that knows where more of its commands are: `more` is name -> "module:attribute"."""

    def __init__(self, *arguments: Any, more: Mapping[str, str], **rest: Any) -> None:
        super().__init__(*arguments, **rest)
        self._more = more

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the commands at hand, then the others."""
        return [*super().list_commands(ctx), *self._more]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give the command of that name, importing it where needed."""
        if cmd_name not in self._more:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self._more[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command
