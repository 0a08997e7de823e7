"""trunkward call: the records as an operator reads them."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.cli.call import command
from proxy.cli.recorded import MUCH
from tests.cli import records as made

PROGRAM = [sys.executable, "-P", "-m", "proxy", "call"]


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Two days of records."""
    return made.write(tmp_path / "records")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def searched(records: Path, *arguments: str) -> list[str]:
    """The Call-IDs that a search finds."""
    result = run("search", "--records", str(records), "--output", "json", *arguments)
    assert result.exit_code in (0, 1), result.output
    found = [str(record["call_id"]) for record in json.loads(result.stdout)]
    assert result.exit_code == (0 if found else 1)
    return found


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        pytest.param([], ["good@pbx", "bad@pbx", "noted@pbx", "name@pbx", "x"], id="all"),
        pytest.param(["--limit", "2"], ["name@pbx", "x"], id="the-last-two"),
        pytest.param(["--verdict", "pass"], ["good@pbx"], id="pass"),
        pytest.param(["--verdict", "reject"], ["bad@pbx", "noted@pbx", "name@pbx", "x"], id="reject"),
        pytest.param(["--verdict", "would-reject"], ["noted@pbx"], id="would-reject"),
        pytest.param(["--number", "02488880001"], ["good@pbx"], id="as-people-write-it"),
        pytest.param(["--number", "138-0013-8000", "--trunk", "acme-1", "--verdict", "pass"], ["good@pbx"], id="called"),
        pytest.param(["--number", "13900000000"], [], id="nobody"),
        pytest.param(["--trunk", "acme"], [], id="no-part-of-a-trunk"),
        pytest.param(["--trunk", "unknown"], ["x"], id="strangers"),
        pytest.param(["--rule", "caller.display_name"], ["name@pbx"], id="rule"),
        pytest.param(["--rule", "caller"], ["bad@pbx", "noted@pbx", "name@pbx"], id="family"),
        pytest.param(["--since", "2026-11-24"], ["noted@pbx", "name@pbx", "x"], id="since-a-day"),
        pytest.param(["--until", "2026-11-23T16:02+08:00"], ["good@pbx", "bad@pbx"], id="until-another-zone"),
        pytest.param(["--since", "2026-11-23T08:01", "--until", "2026-11-24T08:00"], ["bad@pbx", "noted@pbx"], id="between"),
    ],
)  # fmt: skip
def test_search(arguments: list[str], found: list[str], records: Path) -> None:
    assert searched(records, *arguments) == found


def test_search_for_people(records: Path) -> None:
    lines = run("search", "--records", str(records), "--lang", "en").stdout.splitlines()
    assert lines[0].split("  ")[0] == "time (UTC)"
    assert lines[3].split() == ["2026-11-24T08:00:00.000Z", "acme-1", "+8695588", "+8613800138000", "would", "reject", "monitor", "caller.not_allocated", "noted@pbx"]  # fmt: skip
    assert "本应拒绝" in run("search", "--records", str(records), "--lang", "zh").stdout


def test_search_for_programs_speaks_the_records_words(records: Path) -> None:
    result = run("search", "--records", str(records), "--verdict", "would-reject", "--output", "csv", "--lang", "zh")
    (row,) = csv.DictReader(io.StringIO(result.stdout))
    assert (row["verdict"], row["enforced"], row["mode"], row["rules"]) == ("reject", "false", "monitor", "caller.not_allocated")  # fmt: skip


def test_nothing_found_is_said_once(records: Path) -> None:
    result = run("search", "--records", str(records), "--trunk", "none", "--lang", "zh")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "没有找到呼叫\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["search", "--since", "yesterday"], "'yesterday' is no moment", id="since-is-no-date"),
        pytest.param(["search", "--until", "2026-13-01"], "--until", id="no-such-month"),
        pytest.param(["search", "--rule", "caller.not_alocated"], "did you mean 'caller.not_allocated'?", id="rule-misspelt"),
        pytest.param(["search", "--verdict", "maybe"], "would-reject", id="no-such-verdict"),
        pytest.param(["search", "--limit", "0"], "--limit", id="limit-0"),
        pytest.param(["tail", "-n", "-3"], "-n", id="negative-count"),
        pytest.param(["show"], "CALL_ID", id="show-what"),
    ],
)  # fmt: skip
def test_wrong_usage(arguments: list[str], said: str, records: Path) -> None:
    result = run(*arguments, "--records", str(records), "--lang", "en")
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


@pytest.mark.parametrize("arguments", [["tail"], ["search"], ["show", "x"]], ids=["tail", "search", "show"])
def test_it_must_be_said_where_the_records_are(arguments: list[str], tmp_path: Path) -> None:
    nowhere = run(*arguments, "--lang", "en")
    assert (nowhere.exit_code, "-c FILE or --records DIRECTORY" in nowhere.stderr) == (2, True)
    for options, said in (
        (["--records", str(tmp_path)], f"no record files (calls-YYYYMMDD.jsonl) in {tmp_path}\n"),
        (["--records", str(tmp_path / "gone")], f"there is no directory {tmp_path / 'gone'}\n"),
        (["-c", str(tmp_path / "c.yaml")], f"{tmp_path / 'c.yaml'}: cannot be read: No such file or directory\nproblems: 1\n"),
    ):  # fmt: skip
        result = run(*arguments, *options, "--lang", "en")
        assert (result.exit_code, result.stdout, result.stderr) == (1, "", said)


def test_the_configuration_says_where_the_records_are(records: Path, root: Path, tmp_path: Path) -> None:
    config = tmp_path / "trunkward.yaml"
    config.write_text((root / "config" / "trunkward.yaml").read_text().replace("var/log", str(records)))
    assert "good@pbx" in run("tail", "-c", str(config)).stdout
    config.write_text(config.read_text().replace("mode:", "mood:"))
    assert (run("tail", "-c", str(config)).exit_code, run("tail", "-c", str(config)).stdout) == (1, "")


def test_a_file_that_cannot_be_read(records: Path) -> None:
    (records / "calls-20261125.jsonl").mkdir()
    result = run("tail", "--records", str(records), "--lang", "en")
    assert (result.exit_code, result.stderr) == (1, f"{records / 'calls-20261125.jsonl'} cannot be read: Is a directory\n")  # fmt: skip


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "lines that are no records and were left out: 2"), ("zh", "2 行不是话单，已略过")]
)
def test_broken_lines_are_left_out_and_counted(lang: str, said: str, records: Path) -> None:
    with (records / "calls-20261123.jsonl").open("ab") as file:
        file.write(b'{"v":1,"event":"call.verdict"\n\xff\xfe\n')
    result = run("tail", "--records", str(records), "--lang", lang, "--output", "json")
    assert (result.exit_code, result.stderr, len(json.loads(result.stdout))) == (0, f"{said}\n", 5)


def test_show_a_cancelled_call(records: Path) -> None:
    result = run("show", "good@pbx", "--records", str(records), "--lang", "en")
    facts, ladder = result.stdout.split("\n\n")
    assert "time (UTC)       2026-11-23T08:00:00.000Z" in facts  # when it began, not when it ended
    assert "ended by         caller" in facts
    assert "From             +862488880001" in facts
    assert ladder.splitlines()[6] == "   3.200  |------------ CANCEL ------------>|                                 |"


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", ["From shows a number that is not allocated", "expected: a number allocated to trunk acme-1", "verdict          reject"]),
        ("zh", ["From 显示的号码今天没有分配给本中继。", "应为: a number allocated to trunk acme-1", "裁决              拒绝"]),
    ],
)  # fmt: skip
def test_show_a_rejected_call(lang: str, said: list[str], records: Path) -> None:
    shown = run("show", "bad@pbx", "--records", str(records), "--lang", lang).stdout
    assert [part for part in said if part not in shown] == []
    assert "|<-------- 403 Forbidden ---------|\n" in shown


def test_show_is_harmless_and_knows_no_rule_of_another_version(records: Path) -> None:
    shown = run("show", "name@pbx", "--records", str(records)).stdout
    assert '    From: "\\x1b[31m10086\\u202e" <sip:1@h>\n' in shown
    assert "\ncaller.of_tomorrow\n" in shown
    for output in ("table", "json", "csv"):
        whole = run("show", "name@pbx", "--records", str(records), "--output", output).stdout
        assert "\x1b" not in whole
        assert "\u202e" not in whole


def test_show_signed_identities(tmp_path: Path) -> None:
    """The one that decided in a line, each of several below it; what a signer wrote cannot act on the terminal."""
    each = [
        {"ppt": "shaken", "result": "failed", "rules": ["identity.stale"]},
        {"ppt": "", "result": "passed", "rules": []},
    ]
    identity = {
        "result": "passed",
        "x5u": "https://c.example/\x1b",
        "origid": None,
        "iat": 1,
        "attest": "A",
        "all": each,
    }
    record = {"event": "call.verdict", "ts": "2026-11-23T08:00:00.000Z", "call_id": "signed", "identity": identity}
    (tmp_path / "calls-20261123.jsonl").write_text(json.dumps(record | {"attestation": "C"}) + "\n", encoding="utf-8")

    shown = run("show", "signed", "--records", str(tmp_path), "--lang", "en").stdout

    assert r"Identity     passed attest=A iat=1 x5u=https://c.example/\x1b" in shown
    assert "             shaken: failed identity.stale\n" in shown
    assert "             passport: passed\n" in shown
    assert "signed here  C\n" in shown


def test_show_for_programs(records: Path) -> None:
    found = json.loads(run("show", "good@pbx", "--records", str(records), "--output", "json").stdout)
    assert [record["event"] for record in found] == ["call.verdict", "call.end"]
    (row,) = csv.DictReader(io.StringIO(run("show", "good@pbx", "--records", str(records), "--output", "csv").stdout))
    assert (row["ts"], row["status"], row["ring_ms"]) == ("2026-11-23T08:00:00.000Z", "487", "1800")


@pytest.mark.parametrize(("lang", "said"), [("en", "no record of call no\\x1bne"), ("zh", "没有呼叫 no\\x1bne 的话单")])
def test_show_what_is_not_there(lang: str, said: str, records: Path) -> None:
    result = run("show", "no\x1bne", "--records", str(records), "--lang", lang)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"{said}\n")


@pytest.mark.parametrize("output", ["table", "json", "csv"])
def test_tail_follows_across_midnight(output: str, records: Path) -> None:
    newer = (records / "calls-20261123.jsonl").read_bytes().splitlines(keepends=True)
    with subprocess.Popen(
        [*PROGRAM, "tail", "-f", "-n", "1", "--records", str(records), "--output", output, "--lang", "en"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as tail:
        assert tail.stdout is not None
        assert tail.stderr is not None
        first = [tail.stdout.readline() for _ in range(1 if output == "json" else 2)]
        assert ("trunk.unknown" in first[-1], "Call-ID" in first[0] or "call_id" in first[0]) == (True, True)
        (records / "calls-20261125.jsonl").write_bytes(newer[0] + newer[1])  # a verdict and its end
        second = tail.stdout.readline()
        with (records / "calls-20261125.jsonl").open("ab") as file:
            file.write(newer[2])
        third = tail.stdout.readline()
        tail.send_signal(signal.SIGINT)
        assert (tail.wait(10), tail.stdout.read(), tail.stderr.read()) == (0, "", "")
    assert ("good@pbx" in second, "bad@pbx" in third) == (True, True)
    if output == "json":
        assert [json.loads(line)["verdict"] for line in (*first, second, third)] == ["reject", "pass", "reject"]
    if output == "table":
        assert {line.index("acme-1") for line in (second, third)} == {first[0].index("trunk")}


def test_tail_waits_for_the_first_record(records: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with subprocess.Popen(
        [*PROGRAM, "tail", "-f", "--records", str(empty), "--output", "json"], stdout=subprocess.PIPE
    ) as tail:
        assert tail.stdout is not None
        (records / "calls-20261123.jsonl").rename(empty / "calls-20261123.jsonl")
        assert json.loads(tail.stdout.readline())["call_id"] == "good@pbx"
        tail.send_signal(signal.SIGINT)
        assert tail.wait(10) == 0


def test_a_reader_that_leaves_is_no_error(records: Path) -> None:
    result = subprocess.run(
        ["sh", "-c", '"$@" | head -c 1; echo', "-", *PROGRAM, "tail", "--records", str(records)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (result.stdout, result.stderr) == ("t\n", "")


def everything(terminal: int) -> str:
    """What was written to a terminal whose other end is closed."""
    with open(terminal, "rb", buffering=0) as screen, contextlib.suppress(OSError):
        shown = b""
        while data := screen.read(65536):
            shown += data
    return shown.decode()


def test_a_long_search_shows_on_a_terminal_how_far_it_is(records: Path) -> None:
    day = (records / "calls-20261123.jsonl").read_bytes()
    (records / "calls-20261122.jsonl").write_bytes(day * (MUCH // len(day) + 1))
    terminal, end = pty.openpty()
    result = subprocess.run(
        [*PROGRAM, "search", "--records", str(records), "--trunk", "none", "--lang", "en"],
        stdout=subprocess.PIPE,
        stderr=end,
        check=False,
    )
    os.close(end)
    shown = everything(terminal)
    assert (result.returncode, result.stdout) == (1, b"")
    assert "reading records" in shown
    assert "100%" in shown
    assert shown.endswith("no call was found\r\n")
