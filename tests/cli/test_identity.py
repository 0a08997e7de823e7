"""trunkward identity: a call signed, verified and shown, as a user does it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from proxy.cli.identity import command, fetched
from stirshaken.certificate import Validated
from stirshaken.fetch import Fetcher
from stirshaken.x5u import Allowed
from tests.stirshaken import https
from tests.stirshaken.scene import NOW, ORIGID, X5U, Party, hierarchy, party

CALL = ["--orig", "+12155551212", "--dest", "+12155551213"]
AT = ["--at", str(NOW)]


@dataclass
class Desk:
    """The files of an operator."""

    key: Path
    chain: Path
    anchors: Path

    def sign(self, *more: str, key: Path | None = None, url: str = X5U) -> Result:
        arguments = [
            "sign",
            "--key",
            str(key or self.key),
            "--certificate-url",
            url,
            "--attest",
            "A",
            *CALL,
            *AT,
            *more,
        ]
        return CliRunner().invoke(command, arguments)

    def verify(
        self, value: str, *more: str, call: list[str] = CALL, at: list[str] = AT, certificate: bool = True
    ) -> Result:
        chain = ["--certificate", str(self.chain)] if certificate else []
        arguments = ["verify", "--identity", value, "--anchors", str(self.anchors), *chain, *call, *at, *more]
        return CliRunner().invoke(command, arguments)


def pem_of(private: Any) -> bytes:
    octets: bytes = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return octets


def chain_of(signer: Party) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in signer.chain)  # type: ignore[attr-defined]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "leaf.key", tmp_path / "chain.pem", tmp_path / "anchors.pem")
    made.key.write_bytes(pem_of(party().holder.key))
    made.chain.write_bytes(chain_of(party()))
    made.anchors.write_bytes(hierarchy().root.certificate.public_bytes(Encoding.PEM))
    return made


@pytest.fixture
def value(desk: Desk) -> str:
    return desk.sign("--origid", ORIGID).stdout.strip()


def rules(result: Result) -> list[str]:
    return [finding["rule"] for finding in json.loads(result.stdout)["findings"]]


def test_sign_prints_the_value_alone(desk: Desk) -> None:
    result = desk.sign("--origid", ORIGID)
    assert (result.exit_code, result.stderr) == (0, "")
    (line,) = result.stdout.splitlines()
    assert line.endswith(f";info=<{X5U}>;alg=ES256;ppt=shaken")


def test_each_call_gets_an_origid_of_its_own(desk: Desk) -> None:
    found = [json.loads(CliRunner().invoke(command, ["decode", desk.sign().stdout.strip(), "--output", "json"]).stdout) for _ in range(2)]  # fmt: skip
    origids = {each["claims"]["origid"] for each in found}
    assert len(origids) == 2
    assert all(len(origid) == 36 for origid in origids)


def test_several_called(desk: Desk) -> None:
    signed = desk.sign("--dest", "12155551299").stdout.strip()
    for number in ("12155551213", "+1 215 555-1299"):
        assert desk.verify(signed, call=["--orig", "12155551212", "--dest", number]).exit_code == 0


def test_verify_json(desk: Desk, value: str) -> None:
    result = desk.verify(value, "--output", "json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["result"], told["findings"]) == (0, "passed", [])
    assert told["claims"] == {"attest": "A", "dest": {"tn": ["12155551213"]}, "iat": NOW, "orig": {"tn": "12155551212"}, "origid": ORIGID}  # fmt: skip
    names = [check["name"] for check in told["checks"]]
    assert {
        "form",
        "info",
        "iat",
        "orig",
        "dest",
        "attest",
        "origid",
        "certificate.path",
        "signature",
        "coverage",
    } <= set(names)
    assert all(check["ok"] is True and check.keys() == {"name", "ok", "detail"} for check in told["checks"])


@pytest.mark.parametrize(
    ("more", "rule", "failed"),
    [
        pytest.param(["--at", str(NOW + 61)], "identity.stale", "iat", id="stale"),
        pytest.param(["--at", str(NOW - 61)], "identity.stale", "iat", id="future"),
        pytest.param(["--at", str(NOW + 16), "--max-age", "15"], "identity.stale", "iat", id="max-age"),
        pytest.param(["--orig", "12155551299"], "identity.mismatch", "orig", id="another-caller"),
    ],
)
def test_verify_fails(more: list[str], rule: str, failed: str, desk: Desk, value: str) -> None:
    result = desk.verify(value, *more, "--output", "json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["result"], rules(result)) == (3, "failed", [rule])
    assert [check["name"] for check in told["checks"] if not check["ok"]] == [failed]
    assert told["claims"]["attest"] == "A"


@pytest.mark.parametrize(
    ("seconds", "more"), [(60, []), (-60, []), (3600, ["--max-age", "3600"])], ids=["late", "early", "max-age"]
)
def test_verify_within_the_window(seconds: int, more: list[str], desk: Desk, value: str) -> None:
    assert desk.verify(value, *more, at=["--at", str(NOW + seconds)]).exit_code == 0


def test_verify_moment_as_rfc3339(desk: Desk, value: str) -> None:
    assert desk.verify(value, at=["--at", "2027-01-15T08:00:00Z"]).exit_code == 0
    assert desk.verify(value, at=["--at", "2027-01-15T08:02:00Z"]).exit_code == 3


def test_verify_another_called(desk: Desk, value: str) -> None:
    result = desk.verify(value, "--output", "json", call=["--orig", "12155551212", "--dest", "911"])
    assert (result.exit_code, rules(result)) == (3, ["identity.mismatch"])


def test_verify_with_another_chain(desk: Desk, value: str) -> None:
    desk.chain.write_bytes(chain_of(party(days=0.25)))
    result = desk.verify(value, "--output", "json")
    assert result.exit_code == 3
    assert sorted(rules(result)) == ["identity.invalid", *["identity.untrusted"] * (len(rules(result)) - 1)]
    assert "identity.untrusted" in rules(result)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("nonsense", id="nonsense"),
        pytest.param("", id="empty"),
        pytest.param("a.b.c;info=<", id="unclosed"),
        pytest.param("\x1b[2J\u202e;info=<x>", id="controls"),
    ],
)
def test_verify_malformed(text: str, desk: Desk) -> None:
    result = desk.verify(text, "--output", "json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["result"], rules(result), told["claims"]) == (3, "failed", ["identity.invalid"], {})


def test_verify_info_that_is_not_x5u_still_checks_the_signature(desk: Desk, value: str) -> None:
    result = desk.verify(value.replace("info=<https://cert.", "info=<https://b."), "--output", "json")
    checks = {check["name"]: check["ok"] for check in json.loads(result.stdout)["checks"]}
    assert (rules(result), checks["info"], checks["signature"]) == (["identity.invalid"], False, True)


def test_verify_attestation(desk: Desk, value: str) -> None:
    assert desk.verify(value, "--attestation", "A").exit_code == 0
    lower = desk.sign("--attest", "C").stdout.strip()
    result = desk.verify(lower, "--attestation", "B", "--output", "json")
    assert (result.exit_code, rules(result)) == (3, ["identity.attestation"])


@pytest.mark.parametrize(
    "form",
    [
        pytest.param("{value}\n", id="value"),
        pytest.param("Identity: {value}\r\n", id="header-line"),
        pytest.param("y:{value}", id="compact-name"),
        pytest.param("\nidentity : {value}\n\n", id="empty-lines"),
        pytest.param("junk;info=<x:y>, {value}", id="two-in-a-line"),
        pytest.param("junk\nIdentity: {value}", id="two-lines"),
    ],
)
def test_verify_file(form: str, desk: Desk, value: str, tmp_path: Path) -> None:
    file = tmp_path / "identity.txt"
    file.write_bytes(form.format(value=value).encode())
    assert desk.verify(f"@{file}").exit_code == 0


def test_verify_several(desk: Desk, value: str) -> None:
    result = desk.verify(
        "junk", "--identity", value.replace("ppt=shaken", "ppt=msg"), "--identity", value, "--output", "json"
    )
    told = json.loads(result.stdout)
    assert (result.exit_code, [each["result"] for each in told["identities"]]) == (0, ["failed", "ignored", "passed"])
    assert told["identities"][0]["findings"] == [
        {"rule": "identity.invalid", "detail": told["identities"][0]["checks"][0]["detail"]}
    ]


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "The signature does not prove this call."), ("zh", "签名不能证明该呼叫。")]
)
def test_verify_table_shows_all(lang: str, said: str, desk: Desk, value: str) -> None:
    result = desk.verify(value, "--lang", lang, at=["--at", str(NOW + 100)])
    lines = result.stdout.splitlines()
    assert (result.exit_code, lines[-1]) == (3, said)
    assert "identity.stale: iat is more than 60 s in the past" in lines
    assert {"attest", "dest", "iat", "orig", "origid", "signature", "coverage"} <= {
        line.partition(" ")[0] for line in lines
    }


def test_verify_csv(desk: Desk, value: str) -> None:
    rows = list(csv.DictReader(io.StringIO(desk.verify(value, "--output", "csv").stdout)))
    assert {row["name"]: row["ok"] for row in rows}["signature"] == "true"


@pytest.mark.parametrize(
    ("url", "exit_code", "result", "rule"),
    [
        pytest.param("https://127.0.0.1/leaf.pem", 3, "unknown", "identity.unreachable", id="loopback"),
        pytest.param("http://cert.example.org/leaf.pem", 3, "failed", "identity.invalid", id="not-https"),
    ],
)
def test_without_certificate_it_is_fetched(url: str, exit_code: int, result: str, rule: str, desk: Desk) -> None:
    signed = desk.sign(url=url)
    found = desk.verify(signed.stdout.strip(), "--output", "json", certificate=False)
    told = json.loads(found.stdout)
    assert (found.exit_code, told["result"], rules(found)) == (exit_code, result, [rule])
    assert told["claims"]["attest"] == "A"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(chain_of(party()), "chain", id="chain"),
        pytest.param(b"<html>not here</html>", "unusable", id="page"),
    ],
)
def test_fetched(body: bytes, expected: str) -> None:
    async def fetch() -> dict[str, Validated | str]:
        ca = trustme.CA()
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body

        async def loopback(host: str, port: int) -> list[str]:
            return ["127.0.0.1"]

        async with https.serving(https.context(ca), https.says(answer)) as seen:
            allowed = Allowed(frozenset({(https.HOST, seen.port)}), private=True)
            fetcher = Fetcher(resolve=loopback, ssl_context=https.trusting(ca), allowed=allowed)
            return await fetched([f"https://{https.HOST}:{seen.port}/c.pem"], hierarchy().anchors, NOW, fetcher)

    (found,) = asyncio.run(fetch()).values()
    assert found == expected if isinstance(found, str) else (expected, found.findings) == ("chain", ())


def test_odd_url_is_signed_with_a_warning(desk: Desk) -> None:
    result = desk.sign("--lang", "en", url="http://127.0.0.1:8080/leaf.pem")
    assert (result.exit_code, result.stderr) == (0, "verifiers may refuse this certificate URL: scheme is not https\n")
    assert len(result.stdout.splitlines()) == 1


def test_decode(value: str) -> None:
    result = CliRunner().invoke(command, ["decode", f"Identity: {value}", "--output", "json"])
    told = json.loads(result.stdout)
    assert (result.exit_code, told["info"], told["ppt"], told["canonical"], told["fault"]) == (
        0,
        X5U,
        "shaken",
        True,
        None,
    )
    assert (told["header"]["x5u"], told["claims"]["origid"], told["signature"]) == (X5U, ORIGID, value.partition(";")[0].rpartition(".")[2])  # fmt: skip


def test_decode_table(value: str) -> None:
    result = CliRunner().invoke(command, ["decode", "--identity", value, "--lang", "en"])
    rows = dict(line.split(None, 1) for line in result.stdout.splitlines() if len(line.split(None, 1)) == 2)
    assert (rows["header.alg"], rows["claims.attest"], rows["claims.dest"]) == ("ES256", "A", '{"tn":["12155551213"]}')


def test_decode_of_rfc8225(vectors: Path) -> None:
    row = json.loads((vectors / "rfc" / "tokens.json").read_bytes())[0]
    result = CliRunner().invoke(command, ["decode", row["identity_header"], "--output", "json"])
    told = json.loads(result.stdout)
    assert (result.exit_code, told["claims"], told["info"]) == (1, json.loads(row["payload_json"]), row["info"])
    assert told["fault"] == result.stderr.strip() == "token: iat is no number of seconds"


@pytest.mark.parametrize("text", ["", "x", "..;info=<a:b>", "\x1b[2J", "a.b.c;info=<a:b>"], ids=range(5))
def test_decode_malformed(text: str) -> None:
    result = CliRunner().invoke(command, ["decode", text])
    assert result.exit_code == (0 if text.startswith("..") else 1)
    assert "\x1b" not in result.output
    assert not isinstance(result.exception, ValueError)


def test_wrong_keys(desk: Desk, tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    for octets, said in (
        (pem_of(ec.generate_private_key(ec.SECP384R1())), "key: not P-256"),
        (b"no key", f"{other} holds no private key that can be read"),
        (chain_of(party()), f"{other} holds no private key that can be read"),
        (b"x" * (1 << 20) + b"x", f"{other} is too large"),
    ):
        other.write_bytes(octets)
        result = desk.sign("--lang", "en", key=other)
        assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"{said}\n")


def test_files_that_are_wrong(desk: Desk, value: str, tmp_path: Path) -> None:
    none = tmp_path / "none"
    assert desk.sign(key=none).stderr == f"{none}: No such file or directory\n"
    assert desk.verify(f"@{none}").exit_code == 1
    desk.chain.write_bytes(b"nothing")
    assert (result := desk.verify(value)).exit_code == 1, result.output
    desk.anchors.write_bytes(pem_of(party().holder.key))
    result = desk.verify(value)
    assert (result.exit_code, result.stderr) == (
        1,
        "PEM file holds something else than whole certificates and revocation lists\n",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["sign"], id="sign-nothing"),
        pytest.param(["verify", "--identity", "x", *CALL], id="no-anchors"),
        pytest.param(["verify", "--identity", "x", "--anchors", "a", "--orig", "??", "--dest", "1"], id="no-number"),
        pytest.param(["verify", "--identity", "x", "--anchors", "a", "--at", "soon", *CALL], id="no-time"),
        pytest.param(["verify", "--identity", "x", "--anchors", "a", "--max-age", "-1", *CALL], id="negative-age"),
        pytest.param(["sign", "--key", "k", "--certificate-url", X5U, "--attest", "D", *CALL], id="no-level"),
        pytest.param(["sign", "--key", "k", "--certificate-url", X5U, "--attest", "A", "--origid", "x", *CALL], id="no-uuid"),
        pytest.param(["decode"], id="decode-nothing"),
    ],
)  # fmt: skip
def test_usage(arguments: list[str]) -> None:
    assert CliRunner().invoke(command, arguments).exit_code == 2
