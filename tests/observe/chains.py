"""Record files and checkpoints for tests of evidence, as the journal writes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proxy.observe import checkpoint
from proxy.observe.chain import GENESIS, Chain
from proxy.observe.checkpoint import Reason, Signer
from proxy.observe.evidence_key import Keys, fingerprint
from proxy.observe.record import line_of
from tests.observe.reports import decided, ended

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
KEYS: Keys = {fingerprint(KEY.public_key()): KEY.public_key()}
SIGNER = Signer(KEY, "gw1")
DAYS = ("20261123", "20261124", "20261125")


def name_of(day: str) -> str:
    return f"calls-{day}.jsonl"


def records(count: int, seq: int = 0, previous: str = GENESIS, call_id: str = "") -> list[bytes]:
    """Whole lines of a chain, verdicts and ends in turn."""
    chain = Chain(seq, previous)
    made = []
    for number in range(seq, seq + count):
        record = line_of(
            decided() if number % 2 else ended(), "gw1", f"2026-11-23T08:{number // 60 % 60:02}:{number % 60:02}.000Z"
        )
        made.append(chain.line(record | ({"call_id": call_id} if call_id else {})))
    return made


def hash_of(line: bytes) -> str:
    return line[-67:-3].decode()


def seal(lines: Sequence[bytes], seq: int, reason: Reason = "day", file: str = "x") -> bytes:
    """The checkpoint behind a record of a chain that begins at 1."""
    return SIGNER.line(reason, "2026-11-24T00:00:00.000Z", file, seq, hash_of(lines[seq - 1]) if seq else GENESIS)


def write(directory: Path, days: int = 3, each: int = 40) -> list[bytes]:
    """Fill a directory with days of records, each closed by a checkpoint; gives all lines."""
    directory.mkdir(parents=True, exist_ok=True)
    lines = records(days * each)
    for number, day in enumerate(DAYS[:days]):
        (directory / name_of(day)).write_bytes(b"".join(lines[number * each : (number + 1) * each]))
        checkpoint.append(directory, seal(lines, (number + 1) * each, "day", name_of(day)))
    return lines
