"""Starting the control process."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

from proxy.net import line

START_SECONDS: Final = 30.0
Address = tuple[str, int]


def text_of(address: Address) -> str:
    """host:port, IPv6 in brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def address_of(text: str) -> Address:
    """The address that `text_of` wrote. Raises ValueError."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


class ControlError(Exception):
    """The control process did not come up; it has said why on standard error."""


def spawn(
    metrics: Address, admin: Address, config: Path | None = None
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """
    Start the control process; returns it and the supervisor's end of the line to it once it listens. Without `config`
    it signs and verifies nothing.

    Raises ControlError.
    """
    ours, theirs = line.line()
    with theirs:
        command = [sys.executable, "-P", "-m", "proxy.admin", "--line-fd", str(theirs.fileno())]
        command += ["--metrics", text_of(metrics), "--admin", text_of(admin)]
        command += ["--config", str(config)] if config is not None else []
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()])  # noqa: S603  # our own program
    ours.settimeout(START_SECONDS)
    try:
        ready = ours.recv(line.MAX_TEXT)
    except TimeoutError:
        ready = b""
    if ready != line.READY:
        ours.close()
        process.kill()
        process.wait()
        raise ControlError
    return process, ours
