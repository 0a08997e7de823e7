"""trunkward explain: options in, checks out; 3 when the call would be rejected."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from time import time
from uuid import UUID

import pytest
import trustme
from click.testing import CliRunner, Result

from proxy.cli.explain import command
from stirshaken.hierarchy import Validity, leaf, name, new_key, root
from stirshaken.numbers import Identifier
from stirshaken.sign import Signer
from stirshaken.tnauthlist import Spc, TNAuthList
from tests.sources.identity import pem
from tests.stirshaken.https import Behaviour, context, says, serving
from tests.story import INVITE

GOOD = ("--trunk", "acme-1", "--from", "02488880001", "--to", "13800138000")
BAD = ("--trunk", "acme-1", "--from", "95588", "--to", "13800138000")


@pytest.fixture
def config(tmp_path: Path, root: Path) -> Path:
    """The shipped configuration, copied."""
    shutil.copytree(root / "config", tmp_path / "config")
    return tmp_path / "config" / "trunkward.yaml"


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, ["-c", str(config), *arguments])


@pytest.mark.parametrize(
    ("arguments", "status", "last"),
    [
        pytest.param([*GOOD, "--lang", "en"], 0, "The call passes as a call of trunk acme-1.", id="pass"),
        pytest.param([*GOOD, "--lang", "zh"], 0, "放行，按中继 acme-1 的呼叫处理。", id="pass-zh"),
        pytest.param([*BAD, "--lang", "en"], 3, 'The call is passed, but in mode block it would be rejected: SIP 403 Forbidden, Reason: Q.850;cause=21;text="caller.not_allocated"', id="would-reject"),
        pytest.param([*GOOD, "--pai", "95588", "--lang", "zh"], 3, '放行，但在 block 模式下会被拒绝：SIP 403 Forbidden，Reason: Q.850;cause=21;text="caller.not_allocated"', id="pai-zh"),
        pytest.param(["--trunk", "acme-1", "--from", "8695013000", "--to", "110", "--at", "2031-01-01", "--lang", "zh"], 0, "无论违反什么都放行：110 是紧急号码。", id="emergency-zh"),
        pytest.param(["--trunk", "acme-1", "--from", "95013000", "--to", "13800138000", "--at", "2029-12-31", "--lang", "en"], 0, "The call passes as a call of trunk acme-1.", id="as-of-a-day"),
    ],
)  # fmt: skip
def test_verdict(arguments: list[str], status: int, last: str, config: Path) -> None:
    result = run(config, *arguments)
    assert (result.exit_code, result.stdout.splitlines()[-1], result.stderr) == (status, last, "")


def test_in_mode_block_it_is_rejected(config: Path) -> None:
    config.write_text(config.read_text().replace("mode: monitor", "mode: block"))
    result = run(config, *BAD, "--lang", "en")
    assert (result.exit_code, "The call is rejected: SIP 403 Forbidden" in result.stdout) == (3, True)


def test_json(config: Path) -> None:
    result = run(config, *BAD, "--output", "json")
    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["verdict"], answer["enforced"], answer["mode"]) == (3, "reject", False, "monitor")
    assert [item["rule"] for item in answer["findings"]] == ["caller.not_allocated"]


def test_csv_is_rows_only(config: Path) -> None:
    result = run(config, *BAD, "--output", "csv", "--lang", "en")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(row["check"], row["outcome"]) for row in rows] == [("trunk", "passed"), ("caller", "failed"), ("display_name", "passed"), ("identity", "not applicable"), ("callee", "not applicable"), ("traffic", "not applicable")]  # fmt: skip


def test_a_display_name_cannot_act_on_the_terminal(config: Path) -> None:
    for output in ("table", "json", "csv"):
        result = run(config, *GOOD, "--display", "\u202e10086", "--output", output)
        assert (result.exit_code, "\u202e" in result.stdout) == (3, False)


def test_a_message(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "invite.sip"
    file.write_bytes(INVITE)
    assert run(config, "--trunk", "acme-1", "--message", str(file)).exit_code == 0
    file.write_bytes(INVITE.replace(b"02488880001", b"13900139000"))
    assert run(config, "--source", "127.0.0.2", "--message", str(file)).exit_code == 3
    file.write_bytes(b"")
    assert run(config, "--trunk", "acme-1", "--message", str(file), "--lang", "en").stderr == "The message cannot be read: Malformed start line\n"  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        pytest.param(["--from", "1", "--to", "2"], 1, "Say which trunk the call comes from: --trunk or --source.", id="no-trunk"),
        pytest.param(["--trunk", "\x1b[2J", *GOOD[2:]], 1, "There is no trunk \\x1b[2J. Trunks: acme-1", id="unknown-trunk"),
        pytest.param(["--trunk", "acme-1", "--from", "1"], 1, "Give --from and --to, or a whole INVITE with --message.", id="no-called-number"),
        pytest.param(["--source", "pbx", *GOOD[2:]], 1, "pbx is no IP address; write it without a port.", id="no-address"),
        pytest.param(["--source", "192.0.2.9", *GOOD[2:]], 3, "192.0.2.9 belongs to no trunk: the call is refused.", id="stranger"),
    ],
)  # fmt: skip
def test_what_makes_no_call(arguments: list[str], status: int, said: str, config: Path) -> None:
    result = run(config, *arguments, "--lang", "en")
    assert (result.exit_code, result.stdout, result.stderr) == (status, "", f"{said}\n")
    assert run(config, *arguments, "--lang", "zh").stderr != result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--message", "/nonexistent"], "--message", id="missing-message"),
        pytest.param([*GOOD, "--at", "today"], "--at", id="no-day"),
        pytest.param([*GOOD, "--message", "/dev/null"], "leave out the options that say a part of it", id="message-and-numbers"),
        pytest.param([*GOOD, "--output", "xml"], "--output", id="output"),
    ],
)  # fmt: skip
def test_wrong_usage(arguments: list[str], said: str, config: Path) -> None:
    result = run(config, *arguments, "--lang", "en")
    assert (result.exit_code, said in result.stderr) == (2, True)


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    result = run(tmp_path / "none.yaml", *GOOD, "--lang", "en")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"{tmp_path / 'none.yaml'}: cannot be read")


AT_ONCE = 'identity:\n  verify: required\n  trust_anchors: [root.pem]\n  repositories: {allow: ["127.0.0.1:PORT"], private: true, ca: ca.pem}\n'  # fmt: skip
CA = trustme.CA()


@dataclass(frozen=True)
class Signed:
    """A provider: what signs, and its certificate."""

    signer: Signer
    certificate: bytes

    def token(self, called: str = "8613800138000", age: float = 0.0, caller: str = "862488880001") -> str:
        dest = [Identifier("tn", called)]
        return self.signer.shaken(Identifier("tn", caller), dest, "A", str(UUID(int=1)), time() - age)


def with_identity(config: Path, mode: str = "block", port: int = 9) -> Signed:
    """The configuration with identities required, and a provider whose certificate is at a port of loopback."""
    validity = Validity(time() - 86_400, 30)
    top = root(name("CN", "Test", "Root"), new_key(), 1, validity)
    key = new_key()
    own = leaf(top, name("CN", "Test", "SP"), key.public_key(), 2, validity, TNAuthList((Spc("709J"),)))
    (config.parent / "root.pem").write_bytes(pem(top.certificate))
    (config.parent / "ca.pem").write_bytes(CA.cert_pem.bytes())
    text = config.read_text().replace("mode: monitor", f"mode: {mode}")
    config.write_text(text + AT_ONCE.replace("PORT", str(port)))
    return Signed(Signer(key, f"https://127.0.0.1:{port}/sp.pem"), pem(own))


def identity_rows(result: Result) -> list[tuple[str, str]]:
    return [(row["outcome"], row["rule"]) for row in csv.DictReader(io.StringIO(result.stdout)) if row["check"] == "identity"]  # fmt: skip


def test_identity_of_every_kind(config: Path) -> None:
    provider = with_identity(config)
    for values, status, rows in [
        ((), 3, [("failed", "identity.missing")]),
        (("x",), 3, [("failed", "identity.invalid")]),
        ((provider.token(),), 0, [("unavailable", "identity.unreachable")]),  # nobody listens there
        ((provider.token(age=300),), 3, [("failed", "identity.stale"), ("failed", "identity.unreachable")]),
        ((provider.token(called="8610086", caller="8695588"),), 3, [("failed", "identity.mismatch")] * 2 + [("failed", "identity.unreachable")]),
    ]:  # fmt: skip
        given = [part for value in values for part in ("--identity", value)]
        result = run(config, *GOOD, *given, "--output", "csv", "--lang", "en")
        assert (result.exit_code, sorted(identity_rows(result))) == (status, rows)


def test_identity_in_json(config: Path, tmp_path: Path) -> None:
    token = with_identity(config, "monitor").token(age=300)
    (tmp_path / "identity").write_text(f"Identity: {token}\r\ny: x\n")
    result = run(config, *GOOD, "--identity", f"@{tmp_path / 'identity'}", "--output", "json")
    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["verdict"], answer["enforced"], answer["answer"]["status"]) == (
        3,
        "reject",
        False,
        403,
    )
    assert answer["answer"]["phrase"] == "Stale Date"
    assert answer["answer"]["reason"].startswith('STIR;cause=403;text="Stale Date";ppi="..')
    assert answer["answer"]["reason"].endswith(', STIR;cause=438;text="Invalid Identity Header"')
    assert (answer["identity"]["result"], answer["identity"]["attest"]) == ("failed", "A")
    assert [each["rules"] for each in answer["identity"]["all"]] == [["identity.stale", "identity.unreachable"], ["identity.invalid"]]  # fmt: skip


@pytest.mark.parametrize(("lang", "failed"), [("en", "failed"), ("zh", "未通过")])
def test_a_good_identity(config: Path, lang: str, failed: str) -> None:
    async def script() -> None:
        answers: dict[str, Behaviour] = {}
        async with serving(context(CA, "127.0.0.1"), answers) as seen:
            provider = with_identity(config, port=seen.port)
            body = provider.certificate
            answers["/sp.pem"] = says(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            result = await asyncio.to_thread(run, config, *GOOD, "--identity", provider.token(), "--lang", lang)
            assert (result.exit_code, result.stderr) == (0, "")
            again = await asyncio.to_thread(run, config, *GOOD, "--identity", provider.token(called="8610086"), "--output", "csv", "--lang", lang)  # fmt: skip
            assert (again.exit_code, identity_rows(again)) == (3, [(failed, "identity.mismatch")])

    asyncio.run(script())


def test_an_identity_that_is_more_than_one_line_makes_no_other_field(config: Path) -> None:
    with_identity(config)
    result = run(config, *GOOD, "--identity", "x\r\nP-Asserted-Identity: <tel:10086>", "--output", "json")
    answer = json.loads(result.stdout)
    assert [claim["header"] for claim in answer["claims"]] == ["From"]
    assert [each["rules"] for each in answer["identity"]["all"]] == [["identity.invalid"]] * 2


@pytest.mark.parametrize(
    ("mode", "lang", "last"),
    [
        ("block", "en", "The call passes as a call of +862488880000, the pilot number of trunk acme-1."),
        ("monitor", "en", "The call is passed as it came; in mode block it would pass as a call of +862488880000, the pilot number of trunk acme-1."),
        ("block", "zh", "呼叫放行，主叫改为 +862488880000（中继 acme-1 的引示号）。"),
    ],
)  # fmt: skip
def test_who_would_be_shown(mode: str, lang: str, last: str, config: Path) -> None:
    text = config.read_text().replace("mode: monitor", f"mode: {mode}")
    config.write_text(text.replace("{action: reject, status: 403}", "{action: replace}"))

    result = run(config, *BAD, "--lang", lang)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, last)
    shown = json.loads(run(config, *BAD, "--output", "json").stdout)
    assert (shown["verdict"], shown["enforced"], shown["caller_sent"]) == ("replace", mode == "block", "+862488880000")
