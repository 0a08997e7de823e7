"""The chain that ties records to one another, and the ends of the files that hold it (docs/records.md)."""

from __future__ import annotations

import os
import re
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

GENESIS: Final = "0" * 64
# calls-20261125.jsonl, and calls-20261125-1.jsonl of the node's second chain
_NAME: Final = re.compile(r"calls-([0-9]{8})(?:-([1-9][0-9]{0,3}))?\.jsonl", re.ASCII)
# ,"hash":"<64 hexadecimal digits>"} at the end of each line
TAIL: Final = len(',"hash":""}') + 64


def file_name(day: str, series: str) -> str:
    """The file of a chain for a day (2026-11-25); `series` is "" for the first chain of a node, then "1", "2" …"""
    return f"calls-{day.replace('-', '')}{series and '-'}{series}.jsonl"


def series_of(name: str) -> str | None:
    """The series that a record file belongs to; None for the name of anything else."""
    found = _NAME.fullmatch(name)
    return None if found is None else found[2] or ""


def files_of(directory: Path, series: str = "") -> list[Path]:
    """The record files of one chain, oldest first. Nothing where the directory is not there."""
    return sorted(path for path in directory.glob("calls-*.jsonl") if series_of(path.name) == series)


def record_files(directory: Path) -> list[Path]:
    """The record files of all chains: by day, and within a day by chain."""
    found = (path for path in directory.glob("calls-*.jsonl") if series_of(path.name) is not None)
    return sorted(found, key=lambda path: (path.name[6:14], int(series_of(path.name) or 0)))


class Chain:
    """Numbers each record and ties it to the one before (docs/records.md, "hash")."""

    def __init__(self, seq: int, previous: str) -> None:
        self.seq = seq
        self.previous = previous
        self._encode = msgspec.json.Encoder().encode

    def line(self, record: dict[str, Any]) -> bytes:
        """The line, whole: its hash covers every octet that stands before `,"hash":`."""
        self.seq += 1
        record["seq"] = self.seq
        record["prev"] = self.previous
        body = self._encode(record)[:-1]
        self.previous = sha256(body).hexdigest()
        return b'%b,"hash":"%b"}\n' % (body, self.previous.encode())


class Link(msgspec.Struct, frozen=True):
    """What a line says about its place in the chain, and when and what it is."""

    seq: int
    prev: str
    hash: str
    ts: str = ""
    event: str = ""


_link: Final = msgspec.json.Decoder(Link).decode


def link_of(line: bytes) -> Link | None:
    """The place that a line claims, without its line end; None for what is no record."""
    try:
        link = _link(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return link if line[-TAIL:] == b',"hash":"%b"}' % link.hash.encode() else None


def digest_of(line: bytes) -> str:
    """The hash that a line should state: SHA-256, in hexadecimal digits."""
    return sha256(line[:-TAIL]).hexdigest()


class LastLine(msgspec.Struct, frozen=True):
    """The last whole line of a file, and the offset behind it."""

    data: bytes
    end: int


def last_line(path: Path) -> LastLine:
    """Find the last line that ends with a newline, reading from the end. Raises OSError."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        tail = b""
        position = size
        while position > 0 and tail.count(b"\n") < 2:
            step = min(65536, position)
            position -= step
            file.seek(position)
            tail = file.read(step) + tail
    end = tail.rfind(b"\n") + 1
    if not end:
        return LastLine(b"", 0)
    start = tail.rfind(b"\n", 0, end - 1) + 1
    return LastLine(tail[start:end], position + end)


def first_line(path: Path) -> bytes:
    """The first whole line of a file without its end, b"" for none. Raises OSError."""
    with path.open("rb") as file:
        line = file.readline(1 << 24)
    return line[:-1] if line.endswith(b"\n") else b""
