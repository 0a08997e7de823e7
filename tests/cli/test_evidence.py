"""trunkward evidence: what is proved, what is wrong, and how that is said."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.cli.evidence import MUCH, command
from proxy.observe.checkpoint import FILE, append
from proxy.observe.evidence_key import PUBLIC, public_pem
from tests.observe.chains import DAYS, KEY, name_of, seal, write
from tests.observe.chains import records as made

PROGRAM = [sys.executable, "-P", "-m", "proxy", "evidence"]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Three days of records, and the public key beside their directory."""
    write(tmp_path / "records")
    (tmp_path / PUBLIC).write_bytes(public_pem(KEY.public_key()))
    return tmp_path / "records"


def change(records: Path) -> None:
    """Change a word of the second day's tenth line."""
    path = records / name_of(DAYS[1])
    lines = path.read_bytes().splitlines(keepends=True)
    lines[9] = lines[9].replace(b"acme-1", b"acme-2", 1)
    path.write_bytes(b"".join(lines))


def test_good_records(records: Path) -> None:
    result = run("verify", "--records", records, "--public-key", records.parent / PUBLIC, "--lang", "en")

    assert result.exit_code == 0, result.output
    assert "1 to 120: 120 lines in 3 files" in result.stdout
    assert "120 at 2026-11-24T00:00:00.000Z (3 checkpoints, signatures checked)" in result.stdout
    assert result.stdout.endswith("The records are whole and unchanged.\n")


@pytest.mark.parametrize(("lang", "said"), [("en", "the line was changed"), ("zh", "该行被改动")])
def test_a_changed_line_is_named(records: Path, lang: str, said: str) -> None:
    change(records)
    result = run("verify", "--records", records, "--lang", lang)

    assert result.exit_code == 3
    assert f"{name_of(DAYS[1])}:10" in result.stdout
    assert "seq 50" in result.stdout
    assert said in result.stdout.splitlines()[-1]


def test_for_programs(records: Path) -> None:
    change(records)
    told = json.loads(run("verify", "--records", records, "--output", "json").stdout)
    assert (told["result"], told["fault_count"], told["signatures"], told["last"]) == ("failed", 1, "not checked", 120)
    assert told["faults"] == [
        {"kind": "changed", "file": name_of(DAYS[1]), "line": 10, "seq": 50, "between": None, "missing": None}
    ]

    (row,) = csv.DictReader(io.StringIO(run("verify", "--records", records, "--output", "csv").stdout))
    assert (row["kind"], row["line"], row["seq"]) == ("changed", "10", "50")


def test_a_checkpoint_kept_elsewhere(records: Path, tmp_path: Path) -> None:
    (records / FILE).rename(tmp_path / "kept")
    (records / name_of(DAYS[2])).unlink()
    assert run("verify", "--records", records).exit_code == 0

    result = run("verify", "--records", records, "--checkpoint", tmp_path / "kept", "--lang", "en")
    assert result.exit_code == 3
    assert "seq 81 to 120, 40 records that a checkpoint has signed" in result.stdout


def test_a_configuration_names_records_and_key(records: Path, tmp_path: Path, root: Path) -> None:
    shipped = (root / "config" / "trunkward.yaml").read_text(encoding="utf-8")
    config = tmp_path / "trunkward.yaml"
    config.write_text(shipped.replace("var/log", str(records)).replace("var/state", str(tmp_path)), encoding="utf-8")
    told = json.loads(run("verify", "-c", config, "--output", "json").stdout)

    assert (told["result"], told["signatures"]) == ("passed", "checked")


def exported(records: Path, *arguments: str) -> Result:
    key = records.parent / PUBLIC
    return run(
        "export",
        "--records",
        records,
        "--public-key",
        key,
        "--out",
        records.parent / "out.tar.gz",
        *arguments,
        "--lang",
        "en",
    )


def test_a_part_is_packed_and_verified_by_others(records: Path) -> None:
    result = exported(records, "--from", "35", "--to", "60")
    assert result.exit_code == 0, result.output
    assert "out.tar.gz holds seq 35 to 80, up to a checkpoint." in result.stdout
    assert "not masked" in result.stdout

    bundle = records.parent / "out.tar.gz"
    told = json.loads(run("verify", "--bundle", bundle, "--output", "json").stdout)
    assert (told["result"], told["first"], told["last"], told["signatures"]) == ("passed", 35, 80, "bundle key")
    result = run("verify", "--bundle", bundle, "--public-key", records.parent / PUBLIC, "--lang", "en")
    assert (result.exit_code, "at 35: a part of the chain" in result.stdout) == (0, True)
    assert "compare its fingerprint" in run("verify", "--bundle", bundle, "--lang", "en").stdout


def test_a_part_by_time(records: Path) -> None:
    result = exported(records, "--from", "2026-11-23T08:00:50", "--to", "2026-11-23T16:01+08:00", "--output", "json")

    assert (json.loads(result.stdout)["first"], json.loads(result.stdout)["last"]) == (51, 120)


def test_what_was_changed_is_packed_and_said(records: Path) -> None:
    change(records)
    result = exported(records)

    assert (result.exit_code, "seq 50: the line was changed" in result.stdout) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--from", "500"], 1, "no record is in this range"),
        (["--from", "yesterday"], 2, "neither a seq nor a time"),
        (["--from", "٣"], 2, "neither a seq nor a time"),
    ],
)
def test_what_cannot_be_packed(records: Path, arguments: list[str], status: int, said: str) -> None:
    result = exported(records, *arguments)

    assert (result.exit_code, said in result.stderr) == (status, True), result.output
    assert not (records.parent / "out.tar.gz").exists()


def test_an_end_that_nobody_has_signed_for(records: Path) -> None:
    lines = (records / FILE).read_bytes().splitlines(keepends=True)
    (records / FILE).write_bytes(lines[0])
    result = exported(records, "--to", "60")

    assert (result.exit_code, "the last checkpoint closes seq 40" in result.stderr) == (1, True)


def test_a_bundle_is_not_overwritten(records: Path) -> None:
    (records.parent / "out.tar.gz").write_bytes(b"x")
    result = exported(records)

    assert (result.exit_code, "is there already" in result.stderr) == (1, True)
    result = run("verify", "--bundle", records.parent / "out.tar.gz", "--lang", "en")
    assert (result.exit_code, "is no bundle of evidence, or damaged" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["verify"], 2, "say what is to be verified"),
        (["verify", "--records", "nowhere"], 1, "no directory nowhere"),
        (["verify", "--records", "."], 1, "no record files"),
        (["verify", "--records", "nowhere", "--public-key", "gone.pem"], 1, "gone.pem: No such file"),
        (["verify", "--records", "nowhere", "--public-key", "odd.pem"], 1, "odd.pem holds no Ed25519 public key"),
        (["verify", "-c", "gone.yaml"], 1, "gone.yaml"),
        (["verify", "--bundle", "gone.tar.gz"], 1, "gone.tar.gz: No such file"),
        (["verify", "--bundle", "gone.tar.gz", "--records", "."], 2, "say what is to be verified"),
        (["export", "--out", "x", "--records", "."], 2, "say where records and public key are"),
        (["export", "--out", "x", "--records", "nowhere", "--public-key", "gone.pem"], 1, "gone.pem: No such file"),
    ],
)
def test_what_cannot_be_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd.pem").write_text("odd")
    result = run(*arguments, "--lang", "en")

    assert (result.exit_code, said in result.stderr) == (status, True), result.output


def test_a_bar_shows_on_a_terminal_when_there_is_much_to_read(records: Path, root: Path) -> None:
    with (records / name_of(DAYS[2])).open("ab") as file:
        file.truncate(MUCH + 1)  # a hole: a last line without its end
    master, slave = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, "verify", "--records", str(records), "--lang", "en"], cwd=root, stdout=subprocess.PIPE, stderr=slave
    ) as process:
        os.close(slave)
        shown = b""
        try:
            while data := os.read(master, 4096):
                shown += data
        except OSError:  # the terminal's other side was closed
            pass
        os.close(master)
        assert process.stdout is not None
        told = process.stdout.read()

    assert b"verifying" in shown
    assert b"100%" in shown
    assert b"verifying" not in told


def test_the_chains_of_several_workers(records: Path) -> None:
    lines = made(20)
    (records / "calls-20261123-1.jsonl").write_bytes(b"".join(lines[:-1]))
    append(records, seal(lines, 20, "stop", "calls-20261123-1.jsonl"), "1")
    key = records.parent / PUBLIC
    told = json.loads(run("verify", "--records", records, "--public-key", key, "--output", "json").stdout)
    people = run("verify", "--records", records, "--public-key", key, "--lang", "en")

    assert (told["result"], told["last"], told["chain"]) == ("failed", 120, 0)
    assert [(each["chain"], each["result"]) for each in told["chains"]] == [(1, "failed")]
    assert people.exit_code == 3
    assert "Chain 1 of the node:" in people.stdout
    (records / "calls-20261123-1.jsonl").write_bytes(b"".join(lines))
    out = records.parent / "part.tar.gz"
    assert run("export", "--records", records, "--public-key", key, "--chain", "1", "--out", out).exit_code == 0
    assert run("verify", "--bundle", out, "--public-key", key).exit_code == 0
