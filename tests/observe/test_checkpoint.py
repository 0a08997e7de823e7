"""Checkpoints: what is signed is every octet, and what is written is a whole line or nothing."""

from __future__ import annotations

import resource
import signal
import subprocess
from pathlib import Path
from shutil import which

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proxy.observe.checkpoint import FILE, MAX_LINE, append, read
from proxy.observe.evidence_key import fingerprint, public_pem
from tests.observe.chains import KEY, KEYS, SIGNER

LINE = SIGNER.line("interval", "2026-11-24T00:00:00.000Z", "calls-20261123.jsonl", 7, "ab" * 32)


def test_a_checkpoint_says_what_it_closes_and_is_genuine() -> None:
    signed = read(LINE)
    made = signed.checkpoint

    assert (made.reason, made.node, made.file, made.seq, made.hash) == (
        "interval",
        "gw1",
        "calls-20261123.jsonl",
        7,
        "ab" * 32,
    )
    assert made.key == fingerprint(KEY.public_key())
    assert signed.is_genuine(KEYS)
    assert read(LINE[:-1]) == signed
    assert len(LINE) < MAX_LINE / 4


def test_no_octet_of_it_can_be_changed() -> None:
    kept = []
    for place in range(len(LINE) - 1):
        for bit in range(8):
            data = bytearray(LINE)
            data[place] ^= 1 << bit
            try:
                kept.append(read(bytes(data)).is_genuine(KEYS))
            except ValueError:
                kept.append(False)

    assert not any(kept)


def test_another_key_is_not_believed() -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32).public_key()

    assert not read(LINE).is_genuine({fingerprint(other): other})
    assert not read(LINE).is_genuine({read(LINE).checkpoint.key: other})


@pytest.mark.parametrize("line", [b"", b"{}", b"\n", LINE[:-5], LINE * 2, b"[" * 100_000, b"\xff" + LINE])
def test_what_is_no_checkpoint(line: bytes) -> None:
    with pytest.raises(ValueError):
        read(line)


@pytest.mark.parametrize(("there", "kept"), [(b"", b""), (LINE, LINE), (LINE + b'{"v":1,"k', LINE), (b"torn", b"")])
def test_it_is_written_behind_whole_lines(tmp_path: Path, there: bytes, kept: bytes) -> None:
    (tmp_path / FILE).write_bytes(there)
    append(tmp_path, LINE)

    assert (tmp_path / FILE).read_bytes() == kept + LINE


def test_a_full_disk_leaves_no_half_of_it(tmp_path: Path) -> None:
    append(tmp_path, LINE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(LINE) + 100, limits[1]))
        with pytest.raises(OSError):
            append(tmp_path, LINE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)

    assert (tmp_path / FILE).read_bytes() == LINE


@pytest.mark.skipif(which("openssl") is None, reason="no openssl")
def test_openssl_finds_it_genuine(tmp_path: Path) -> None:
    signed = read(LINE)
    for name, data in (("key", public_pem(KEY.public_key())), ("body", signed.body), ("signature", signed.signature)):
        (tmp_path / name).write_bytes(data)
    command = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        "key",
        "-rawin",
        "-in",
        "body",
        "-sigfile",
        "signature",
    ]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / "body").write_bytes(signed.body.replace(b'"seq":7', b'"seq":8'))
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode != 0
