"""check-config: every error of both files at once, warnings, and what a good configuration amounts to."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from proxy.cli.check_config import check, command

TODAY = date(2026, 11, 23)
CONFIG = """\
node: {name: gw1, mode: block}
listen:
  - {name: access, address: "192.0.2.1:5060"}
core:
  next_hops: [{uri: "sip:192.0.2.9", priority: 2}]
directory: {url: "file:d.yaml"}
"""
DIRECTORY = """\
customers: [{id: acme}]
trunks:
  - id: acme-1
    customer: acme
    sources: ["198.51.100.7"]
    allocations: [{first: "+862488880000", last: "+862488880099"}]
"""


def written(tmp_path: Path, config: str = CONFIG, directory: str = DIRECTORY) -> Path:
    (tmp_path / "c.yaml").write_text(config, encoding="utf-8")
    (tmp_path / "d.yaml").write_text(directory, encoding="utf-8")
    return tmp_path / "c.yaml"


def run(config: Path, *options: str) -> Result:
    return CliRunner().invoke(command, ["-c", str(config), *options])


def test_good(tmp_path: Path) -> None:
    result = run(written(tmp_path), "--lang", "en")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "good: listeners 1, trunks 1, customers 1, numbers 100 (ranges 1); mode block\n"


def test_good_in_chinese(tmp_path: Path) -> None:
    result = run(written(tmp_path), "--lang", "zh")
    assert result.stdout == "正确：监听 1 个，中继 1 条，客户 1 个，号码 100 个（1 段）；模式 block\n"


def test_both_files_at_once(tmp_path: Path) -> None:
    config = written(tmp_path, CONFIG.replace("block", "blok"), DIRECTORY.replace("id: acme}", "id: acne}"))
    result = run(config, "--lang", "en")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.replace(f"{tmp_path}/", "").splitlines() == [
        "c.yaml:1:25: node.mode: 'blok' is not one of: block, monitor, did you mean 'block'?",
        "d.yaml:4:15: trunks[0].customer: there is no customer 'acme', did you mean 'acne'?",
        "problems: 2",
    ]


@pytest.mark.parametrize(
    ("config", "directory", "expected"),
    [
        pytest.param("nonsense", DIRECTORY, ["c.yaml:1:1: must be a mapping (key: value)"], id="no-configuration"),
        pytest.param(CONFIG.replace("file:d", "file:e"), DIRECTORY, ["e.yaml: cannot be read: No such file or directory"], id="no-directory"),
        pytest.param(CONFIG.replace("file:d", "http:d"), "broken", ["c.yaml:6:18: directory.url: 'http:d.yaml' is no directory; this version reads file:PATH only"], id="directory-unknown"),
        pytest.param(CONFIG, "", ["d.yaml: is empty"], id="directory-empty"),
    ],
)  # fmt: skip
def test_problems(config: str, directory: str, expected: list[str], tmp_path: Path) -> None:
    result = run(written(tmp_path, config, directory), "--lang", "en")
    assert result.exit_code == 1
    assert result.stderr.replace(f"{tmp_path}/", "").splitlines() == [*expected, "problems: 1"]


@pytest.mark.parametrize(
    ("config", "directory", "expected"),
    [
        pytest.param(CONFIG, DIRECTORY, [], id="none"),
        pytest.param(CONFIG.replace("block", "monitor"), DIRECTORY, ["c.yaml: node.mode: mode monitor: no call of a known trunk is rejected, only recorded"], id="monitor"),
        pytest.param(CONFIG, DIRECTORY.replace("    customer", "    mode: monitor\n    customer"), ["d.yaml:3:5: trunks[0]: trunk acme-1 is in mode monitor: its calls are not rejected, only recorded"], id="trunk-in-monitor"),
        pytest.param(CONFIG, DIRECTORY.partition("    allocations")[0], ["d.yaml:3:5: trunks[0]: trunk acme-1 has no number: none of its calls can pass"], id="no-allocation"),
        pytest.param(CONFIG, DIRECTORY.replace("[{first", "[{valid_to: 2026-11-22, first"), ["d.yaml:3:5: trunks[0]: trunk acme-1: allocations that ended before 2026-11-23: 1, the last on 2026-11-22"], id="expired"),
        pytest.param(CONFIG, DIRECTORY.replace("[{first", "[{valid_to: 2026-11-23, first"), [], id="expires-today"),
        pytest.param(CONFIG, DIRECTORY.replace("    customer", "    valid: {to: 2026-11-22}\n    customer"), ["d.yaml:3:5: trunks[0]: trunk acme-1 ended on 2026-11-22"], id="trunk-ended"),
        pytest.param(CONFIG, DIRECTORY.replace('["198.51.100.7"]', "[]"), ["d.yaml:3:5: trunks[0]: trunk acme-1 has no sources: no call can come from it"], id="no-sources"),
        pytest.param(CONFIG, DIRECTORY.replace("198.51.100.7", "192.0.2.0/24"), ["d.yaml:3:5: trunks[0]: 192.0.2.0/24 of trunk acme-1 contains the next hop sip:192.0.2.9: calls from it count as the trunk's"], id="core-is-trunk"),
    ],
)  # fmt: skip
def test_warnings(config: str, directory: str, expected: list[str], tmp_path: Path) -> None:
    report = check(written(tmp_path, config, directory), TODAY)
    assert report.problems == ()
    assert [each.text("en").replace(f"{tmp_path}/", "") for each in report.warnings] == expected


def test_warnings_are_shown_beside_the_summary(tmp_path: Path) -> None:
    result = run(written(tmp_path, CONFIG.replace("block", "monitor")), "--lang", "en")
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: ")
    assert result.stdout.startswith("good: ")


def test_json(tmp_path: Path) -> None:
    bad: dict[str, Any] = json.loads(
        run(written(tmp_path, CONFIG.replace("gw1", "gw 1")), "--output", "json", "--lang", "en").stdout
    )
    assert bad == {
        "ok": False,
        "problems": [
            {
                "file": str(tmp_path / "c.yaml"),
                "line": 1,
                "column": 14,
                "key": "node.name",
                "code": "config.name",
                "message": "'gw 1' is no name; 1 to 64 letters (A–Z, a–z), digits, and . _ -",
            }
        ],
        "warnings": [],
    }
    result = run(written(tmp_path, CONFIG.replace("block", "monitor")), "--output", "json")
    good: dict[str, Any] = json.loads(result.stdout)
    assert (result.exit_code, good["ok"], good["problems"]) == (0, True, [])
    assert [(each["code"], each["line"]) for each in good["warnings"]] == [("warning.monitor", None)]


def test_the_shipped_configuration(root: Path) -> None:
    report = check(root / "config" / "trunkward.yaml", TODAY)
    assert report.problems == ()
    assert [each.message_key for each in report.warnings] == ["warning.monitor"]


def test_wrong_usage() -> None:
    assert CliRunner().invoke(command, []).exit_code == 2
    assert CliRunner().invoke(command, ["-c", "x", "--output", "csv"]).exit_code == 2
