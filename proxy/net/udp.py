"""UDP sockets: opened with large buffers, and their losses read from the kernel."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from pathlib import Path
from struct import Struct
from typing import Final

from proxy.net.connection import open_listener

# The kernel's default (208 KiB) holds some 90 INVITEs, a burst of milliseconds; 4 MiB holds 3,600.
RECEIVE_BUFFER: Final = 4 * 1024 * 1024
MAX_DATAGRAM: Final = 65535
_SO_RCVBUFFORCE: Final = 33
_SO_SNDBUFFORCE: Final = 32
_SIOCGSTAMPNS: Final = 0x8907
_TIMESPEC: Final = Struct("@ll")


class ListenError(Exception):
    """An address that cannot be listened on; the text says which and why."""


def open_socket(host: str, port: int) -> socket.socket:
    """A non-blocking UDP socket bound to an IP address. Raises ListenError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for force, plain in ((_SO_RCVBUFFORCE, socket.SO_RCVBUF), (_SO_SNDBUFFORCE, socket.SO_SNDBUF)):
            try:
                sock.setsockopt(socket.SOL_SOCKET, force, RECEIVE_BUFFER)  # root passes net.core.rmem_max
            except OSError:
                sock.setsockopt(socket.SOL_SOCKET, plain, RECEIVE_BUFFER)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise ListenError(f"udp {host}:{port}: {error.strerror or error}") from error
    sock.setblocking(False)
    return sock


def open_listening(transport: str, host: str, port: int) -> socket.socket:
    """The socket of a listener of any transport. Raises ListenError."""
    if transport == "udp":
        return open_socket(host, port)
    try:
        return open_listener(host, port)
    except OSError as error:
        raise ListenError(f"{transport} {host}:{port}: {error.strerror or error}") from error


def buffer_size(sock: socket.socket) -> int:
    """The receive buffer that the kernel granted, in octets."""
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def waited(sock: socket.socket, wall: float) -> float:
    """How many seconds before `wall`, on the clock of the day, the datagram read last had come; 0.0 when unknown."""
    try:
        stamp = _TIMESPEC.unpack(fcntl.ioctl(sock, _SIOCGSTAMPNS, bytes(_TIMESPEC.size)))
    except OSError:
        return 0.0  # the first question makes the kernel look at its watch
    came: float = stamp[0] + stamp[1] * 1e-9
    return max(0.0, wall - came)


def kernel_drops(sock: socket.socket) -> int:
    """How many datagrams the kernel has dropped because this socket's buffer was full."""
    inode = str(os.fstat(sock.fileno()).st_ino)
    table = Path("/proc/net/udp6" if sock.family == socket.AF_INET6 else "/proc/net/udp")
    with contextlib.suppress(OSError, ValueError, IndexError), table.open(encoding="ascii") as lines:
        for line in lines:
            columns = line.split()
            if len(columns) > 12 and columns[9] == inode:
                return int(columns[12])
    return 0


def source_for(ip: str) -> str | None:
    """The local address that the kernel would send from to `ip`; None without a route. Nothing is sent."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect((ip, 9))
        return str(probe.getsockname()[0])
    return None
