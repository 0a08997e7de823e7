"""Checkpoints: where the chain stood, signed with the node's key, one JSON object a line (docs/evidence.md)."""

from __future__ import annotations

import os
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from pathlib import Path
from typing import Final, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proxy.observe.evidence_key import Keys, fingerprint

FILE: Final = "checkpoints.jsonl"  # of the first chain
VERSION: Final = 1
_FILE: Final = re.compile(r"checkpoints(?:-([1-9][0-9]{0,3}))?\.jsonl", re.ASCII)
# start: the chain as a starting node found it; begin: the first record that such a node found; day: a file is
# complete; interval; stop; expired: this file was deleted, as the policy says
Reason = Literal["start", "begin", "day", "interval", "stop", "expired"]
_SIGNATURE: Final = b',"signature":"'
MAX_LINE: Final = 4096  # octets; one has some 400


def file_of(series: str) -> str:
    """The name of the file with the checkpoints of a chain; `series` is "" for the first."""
    return f"checkpoints{series and '-'}{series}.jsonl"


def series_of(name: str) -> str | None:
    """The series whose checkpoints stand in a file of that name; None for the name of anything else."""
    found = _FILE.fullmatch(name)
    return None if found is None else found[1] or ""


class Checkpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`seq` and `hash` are those of the last record that it closes, in `file`; `key` is the signer's fingerprint."""

    v: Literal[1]
    kind: Literal["trunkward.checkpoint"]
    reason: Reason
    node: str
    ts: str
    file: str
    seq: int
    hash: str
    key: str

    @property
    def begins(self) -> bool:
        """Whether the chain may begin behind it."""
        return self.reason in ("begin", "expired")


class Signed(msgspec.Struct, frozen=True):
    """A checkpoint, the octets that were signed, and the signature over them."""

    checkpoint: Checkpoint
    body: bytes
    signature: bytes

    @property
    def line(self) -> bytes:
        """The line as it stands in a file."""
        return b'%b%b%b"}\n' % (self.body, _SIGNATURE, b64encode(self.signature))

    def is_genuine(self, keys: Keys) -> bool:
        """Whether one of the keys has signed it."""
        key = keys.get(self.checkpoint.key)
        try:
            if key is not None:
                key.verify(self.signature, self.body)
        except InvalidSignature:
            return False
        return key is not None


class Signer:
    """Makes the checkpoints of one node."""

    def __init__(self, key: Ed25519PrivateKey, node: str) -> None:
        self._key = key
        self._fingerprint = fingerprint(key.public_key())
        self._node = node
        self.keys: Keys = {self._fingerprint: key.public_key()}

    def line(self, reason: Reason, ts: str, file: str, seq: int, digest: str) -> bytes:
        """The line, whole: the signature covers every octet that stands before `,"signature":`."""
        made = Checkpoint(VERSION, "trunkward.checkpoint", reason, self._node, ts, file, seq, digest, self._fingerprint)
        body = msgspec.json.encode(made)[:-1]
        return b'%b%b%b"}\n' % (body, _SIGNATURE, b64encode(self._key.sign(body)))


def read(line: bytes) -> Signed:
    """Read a line, with or without its end. Raises ValueError for what is no checkpoint."""
    line = line.removesuffix(b"\n")
    body, _, rest = line.rpartition(_SIGNATURE)
    try:
        signature = b64decode(rest.removesuffix(b'"}'), validate=True)
        checkpoint = msgspec.json.decode(body + b"}", type=Checkpoint)
    except (Base64Error, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("no checkpoint") from None
    if line != b'%b%b%b"}' % (body, _SIGNATURE, b64encode(signature)):
        raise ValueError("no checkpoint")
    return Signed(checkpoint, body, signature)


def read_or_none(line: bytes) -> Signed | None:
    """Read a line; None for what is no checkpoint."""
    try:
        return read(line)
    except ValueError:
        return None


def append(directory: Path, line: bytes, series: str = "") -> None:
    """
    Write a checkpoint behind those of a chain, durably; a line that was torn before is closed off first.

    Raises OSError; what was written of the line is taken back then.
    """
    file = os.open(directory / file_of(series), os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
    try:
        end = os.lseek(file, 0, os.SEEK_END)
        whole = _whole(file, end)
        if whole < end:
            os.ftruncate(file, whole)
        try:
            _write(file, line)
        except OSError:
            os.ftruncate(file, whole)
            raise
        os.fsync(file)
    finally:
        os.close(file)


def _write(file: int, line: bytes) -> None:
    while line:
        line = line[os.write(file, line) :]


def _whole(file: int, end: int) -> int:
    """The offset behind the last whole line."""
    start = max(0, end - 2 * MAX_LINE)
    tail = os.pread(file, end - start, start)
    return start + tail.rfind(b"\n") + 1
