"""check-config: every error of both files at once, warnings, and what a good configuration amounts to."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from proxy.cli.check_config import check, command
from stirshaken.hierarchy import Validity, name, new_key, root
from tests.sources.identity import pem

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


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", "c.yaml:7:44: admin.tokens: {tmp}/tokens: line 2 is no token: 16 to 512 letters, digits and - . _ ~ + /, perhaps = behind them"),
        ("zh", "c.yaml:7:44: admin.tokens: {tmp}/tokens：第 2 行不是令牌：16 到 512 个字母、数字和 - . _ ~ + /，后面可以有 ="),
    ],
)  # fmt: skip
def test_a_file_of_tokens(lang: str, said: str, tmp_path: Path) -> None:
    config = written(tmp_path, CONFIG + 'admin: {address: "192.0.2.1:8080", tokens: tokens}\n')
    (tmp_path / "tokens").write_text("0123456789abcdef\nshort\n", encoding="ascii")
    result = run(config, "--lang", lang)
    assert (result.exit_code, result.stderr.splitlines()[0]) == (1, f"{tmp_path}/" + said.format(tmp=tmp_path))

    (tmp_path / "tokens").write_text("0123456789abcdef\n", encoding="ascii")
    good = run(config, "--lang", "en")
    assert good.exit_code == 0
    assert "admin.tokens: tokens cross the network in clear text; add certificate and key" in good.stderr


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
        pytest.param(CONFIG.replace("file:d", "http:d"), "broken", ["c.yaml:6:18: directory.url: 'http:d.yaml' is no directory; write file:PATH, sqlite:PATH or postgresql://user@host/database"], id="directory-unknown"),
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


SIGNED = (
    CONFIG
    + """\
identity:
  trust_anchors: [root.pem]
  min_attestation: D
  sign: {key: sp.key, certificate_url: "http://x/y"}
"""
)


@pytest.mark.parametrize(
    ("config", "lang", "expected"),
    [
        pytest.param(SIGNED, "en", [
            "c.yaml:9:20: identity.min_attestation: 'D' is not one of: A, B, C",
            "c.yaml:10:40: identity.sign.certificate_url: 'http://x/y' is no URL of a certificate; write https://cert.example.net/sp.pem",
        ], id="values"),
        pytest.param(SIGNED.replace("min_attestation: D", "on_error: pass").replace("http:", "https:"), "en", [
            "c.yaml:8:19: identity.trust_anchors[0]: root.pem: No such file or directory",
            "c.yaml:10:15: identity.sign.key: sp.key: No such file or directory",
        ], id="files"),
        pytest.param(SIGNED.replace("min_attestation: D", "on_error: pass").replace("http:", "https:"), "zh", [
            "c.yaml:8:19: identity.trust_anchors[0]: root.pem：No such file or directory",
            "c.yaml:10:15: identity.sign.key: sp.key：No such file or directory",
        ], id="files-zh"),
        pytest.param(CONFIG + "identity: {}\n", "en", [
            "c.yaml:7:1: identity.trust_anchors: mode block with verification needs a trust anchor, else every signed call of trunk acme-1 would be rejected; add trust_anchors, or set verify: off",
        ], id="no-anchors"),
    ],
)  # fmt: skip
def test_problems_of_identity(config: str, lang: str, expected: list[str], tmp_path: Path) -> None:
    result = run(written(tmp_path, config), "--lang", lang)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.replace(f"{tmp_path}/", "").splitlines()[:-1] == expected


@pytest.mark.parametrize(
    ("identity", "directory", "warned"),
    [
        ("", DIRECTORY, False),
        ("identity: {}", DIRECTORY, True),
        ("identity: {verify: off}", DIRECTORY, False),
        ("identity: {}", DIRECTORY + "    identity: {verify: off}\n", False),
        ("identity: {verify: off}", DIRECTORY + "    identity: {verify: required}\n", True),
    ],
)
def test_a_warning_where_no_identity_can_be_verified(
    identity: str, directory: str, warned: bool, tmp_path: Path
) -> None:
    report = check(written(tmp_path, CONFIG.replace("block", "monitor") + identity, directory), TODAY)
    assert report.problems == ()
    assert ("warning.no_anchors" in [each.message_key for each in report.warnings]) is warned


def test_a_warning_of_a_certificate_that_has_ended(tmp_path: Path) -> None:
    ended = root(name("CN", "Test", "Root"), new_key(), 1, Validity(datetime(2026, 1, 1, tzinfo=UTC).timestamp(), 300))
    (tmp_path / "root.pem").write_bytes(pem(ended.certificate))
    config = written(tmp_path, CONFIG + "identity: {trust_anchors: [root.pem]}")
    last = date.fromtimestamp(ended.certificate.not_valid_after_utc.timestamp())  # noqa: DTZ012  # local, as today is
    texts = {lang: [each.text(lang) for each in check(config, TODAY).warnings] for lang in ("en", "zh")}
    assert f"certificate anchor Root ended on {last}" in texts["en"][-1]
    assert f"证书 anchor Root 已于 {last} 到期" in texts["zh"][-1]
    assert not any("Root" in each.text("en") for each in check(config, last).warnings)


@pytest.mark.parametrize(
    ("trunk", "warned"),
    [("", True), ("    identity: {verify: when-present}\n", False), ("    role: peer\n", False)],
)
def test_a_pbx_that_must_sign_is_warned_of(trunk: str, warned: bool, tmp_path: Path) -> None:
    """`verify: required` of the node is meant for peers; a customer's PBX that does not sign could place no call."""
    monitoring = CONFIG.replace("mode: block", "mode: monitor")
    config = written(
        tmp_path,
        monitoring + "identity: {verify: required}\n",
        DIRECTORY.replace("    customer: acme\n", f"    customer: acme\n{trunk}"),
    )

    report = check(config, TODAY)

    assert report.problems == ()
    assert ("warning.access_must_sign" in {each.message_key for each in report.warnings}) is warned
