"""The control process as a program; the node starts it."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path

import click

from proxy.admin.process import address_of
from proxy.admin.server import run
from proxy.observe import log
from proxy.settings.problems import ConfigError


@click.command()
@click.option("--line-fd", type=int, required=True, help="The line to the supervisor.")
@click.option("--metrics", required=True, help="Address of /metrics.")
@click.option("--admin", required=True, help="Address of /healthz, /readyz and /stir.")
@click.option("--config", type=click.Path(path_type=Path), help="Configuration file, for /stir.")
def main(line_fd: int, metrics: str, admin: str, config: Path | None) -> None:
    """Serve /metrics, /healthz, /readyz and /stir for the workers of one node."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):  # for the supervisor, which tells us what follows
        signal.signal(number, signal.SIG_IGN)
    log.configure(sys.stderr, json=not sys.stderr.isatty(), level="info")
    try:
        run(socket.socket(fileno=line_fd), address_of(metrics), address_of(admin), config)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(f"control process: {metrics} or {admin}: {error.strerror or error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
