"""The control process as a program; the node starts it."""

from __future__ import annotations

import signal
import socket
import sys

import click

from proxy.admin.process import address_of
from proxy.admin.server import run


@click.command()
@click.option("--channel-fd", type=int, required=True, help="The line to the SIP process.")
@click.option("--metrics", required=True, help="Address of /metrics.")
@click.option("--admin", required=True, help="Address of /healthz and /readyz.")
def main(channel_fd: int, metrics: str, admin: str) -> None:
    """Serve /metrics, /healthz and /readyz for one SIP process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the SIP process, which then hangs up
    try:
        run(socket.socket(fileno=channel_fd), address_of(metrics), address_of(admin))
    except OSError as error:
        click.echo(f"control process: {metrics} or {admin}: {error.strerror or error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
