"""The line between the supervisor and a worker, or the control process: short messages, perhaps with a descriptor."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import Final

MAX_TEXT: Final = 4096
# what the supervisor says
CHANNEL: Final = b"c"  # to a worker: here is your channel to the control process
LOADED: Final = b"l"  # to a worker: take the configuration in this file
RELOADED: Final = b"r"  # to the control process: all workers have a new configuration
WORKER: Final = b"w"  # to the control process: here is a channel to the worker of this index
REFUSE: Final = b"q"  # to a worker: a message with this digest is not to be read
RETIRE: Final = b"e"  # to a worker: read no more sockets, say whose calls you have, and see them to their answers
BEGIN: Final = b"b"  # to the process that takes over: the sockets are yours
# what they say
READY: Final = b"!"  # the control process, or a worker, listens
TAKEN: Final = b"t"  # a worker has taken what it was told to
WANTED: Final = b"d"  # a worker has seen that the directory has changed
CALLS: Final = b"m"  # a worker's calls, as marks in a file; to the process that takes over, those of all
INBOX: Final = b"i"  # to the process that takes over: the way to a worker that still has calls
FAILED: Final = b"f"  # a worker cannot start: number and file name of the error


class HungUp(Exception):
    """The other side is gone."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message; `file` is -1 where none came along, else the receiver's to close."""

    kind: bytes
    text: bytes = b""
    file: int = -1


def line() -> tuple[socket.socket, socket.socket]:
    """Two ends of a new line, both without waiting."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setblocking(False)
    return ends


def say(sock: socket.socket, kind: bytes, text: bytes = b"", file: int = -1) -> bool:
    """Send a message; the descriptor stays ours as well. False when the other side is gone or takes no more."""
    try:
        if file < 0:
            sock.send(kind + text)
        else:
            socket.send_fds(sock, [kind + text], [file])
    except OSError:
        return False
    return True


def want(sock: socket.socket) -> None:
    """Say that the directory has changed."""
    say(sock, WANTED)


def hear(sock: socket.socket) -> Said | None:
    """The next message; None when there is none yet. Raises HungUp."""
    try:
        data, files, _, _ = socket.recv_fds(sock, MAX_TEXT, 1)
    except BlockingIOError:
        return None
    except OSError as error:
        raise HungUp from error
    if not data:
        raise HungUp
    for file in files:
        os.set_inheritable(file, False)
    return Said(data[:1], data[1:], files[0] if files else -1)
