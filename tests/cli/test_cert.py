"""trunkward cert: a hierarchy made, shown, verified and revoked, as its user does it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from proxy.cli.cert import command
from stirshaken.path import load_chain
from tests.stirshaken import chains

AT = "2026-11-25T12:00:00Z"  # chains.NOW
LATER = "2028-11-25T12:00:00Z"


def cert(*arguments: object) -> Result:
    return CliRunner().invoke(command, [*map(str, arguments)], prog_name="trunkward cert")


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    directory = tmp_path / "ca"
    assert cert("init-ca", directory, "--name", "Carrier", "--country", "cn", "--at", AT).exit_code == 0
    return directory


def issued(ca: Path, *arguments: object) -> Path:
    out = ca / "leaf.pem"
    result = cert("issue", ca, *(arguments or ("--spc", "1234")), "--at", AT, "--out", out)
    assert (result.exit_code, result.stderr) == (0, "")
    return out


def verify(chain: Path, anchors: Path, *arguments: object) -> Result:
    return cert("verify", "--chain", chain, "--anchors", anchors, "--at", AT, *arguments)


def test_init_ca(tmp_path: Path) -> None:
    result = cert("init-ca", tmp_path / "ca", "--name", "Carrier", "--output", "json")
    names = [Path(row["file"]).name for row in json.loads(result.stdout)]
    assert (result.exit_code, names) == (0, ["root.pem", "root.key", "intermediate.pem", "intermediate.key"])
    again = cert("init-ca", tmp_path / "ca", "--name", "Carrier")
    assert (again.exit_code, again.stdout, again.stderr) == (1, "", f"{tmp_path}/ca/root.pem: File exists\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--name", "x", "--country", "CHN"], "a country is two capital letters", id="country"),
        pytest.param(["--name", " "], "an organisation has a name of", id="no-name"),
        pytest.param(["--name", "x" * 60], "", id="long-name"),
        pytest.param([], "Missing option '--name'", id="name-missing"),
        pytest.param(["--name", "x", "--days", "0"], "--days", id="no-days"),
    ],
)
def test_init_ca_wrong_usage(arguments: list[str], said: str, tmp_path: Path) -> None:
    result = cert("init-ca", tmp_path / "ca", *arguments)
    assert (result.exit_code, said in result.stderr, (tmp_path / "ca").exists()) == (2, True, False)


@pytest.mark.parametrize(
    ("arguments", "spc", "authority"),
    [
        pytest.param(["--spc", "1234"], ["1234"], [], id="code"),
        pytest.param(["--number", "+86 24 8888-0001"], [], ["862488880001"], id="number"),
        pytest.param(["--number", "862488880001", "--number", "95588"], [], ["862488880001", "95588"], id="numbers"),
        pytest.param(["--range", "+862488880000-+862488880099"], [], ["862488880000-862488880099"], id="range"),
    ],
)
def test_issue(arguments: list[str], spc: list[str], authority: list[str], ca: Path) -> None:
    file = issued(ca, *arguments, "--crl-url", "https://crl.example/x")
    row, above = json.loads(cert("show", file, "--output", "json").stdout)
    assert (row["spc"], row["authority"], row["ca"], row["faults"]) == (spc, authority, False, [])
    assert (row["not_before"], row["not_after"]) == ("2026-11-25T11:55:00Z", "2027-11-25T12:00:00Z")
    assert (row["crl"], row["key"], above["ca"]) == (["https://crl.example/x"], "secp256r1", True)
    key = load_pem_private_key(file.with_suffix(".key").read_bytes(), None)
    assert key.public_key() == load_chain(file.read_bytes())[0].public_key()
    assert file.with_suffix(".key").stat().st_mode & 0o777 == 0o600
    assert verify(file, ca / "root.pem").exit_code == 0


def test_names_of_files(ca: Path) -> None:
    assert cert("issue", ca, "--spc", "1234").exit_code == 0
    assert {"spc-1234.pem", "spc-1234.key"} <= {file.name for file in ca.iterdir()}
    again = cert("issue", ca, "--spc", "1234")
    assert (again.exit_code, again.stderr) == (1, f"{ca}/spc-1234.pem: File exists\n")
    assert cert("issue", ca, "--number", "95588").exit_code == 0
    assert cert("issue", ca, "--spc", "../x").exit_code == 0
    assert len(list(ca.glob("delegate-*.pem"))) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "either --spc, or --number and --range", id="nobody"),
        pytest.param(["--spc", "1", "--number", "95588"], "either --spc, or --number and --range", id="both"),
        pytest.param(["--number", "x"], "'x' is no telephone number", id="no-number"),
        pytest.param(["--number", "1234567890123456"], "", id="long-number"),
        pytest.param(["--range", "100"], "'100' is no range of numbers; write FIRST-LAST", id="half-a-range"),
        pytest.param(["--range", "200-100"], "is no range of numbers", id="backwards"),
        pytest.param(["--range", "100-1000"], "", id="other-length"),
        pytest.param(["--range", "１00-２00"], "is no range of numbers", id="full-width"),
        pytest.param(["--spc", "a b"], "service provider code is empty, too long or not visible ASCII", id="code"),
        pytest.param(["--spc", "1", "--out", "x.key"], "the key gets the suffix .key", id="out-is-the-key"),
    ],
)
def test_issue_wrong_usage(arguments: list[str], said: str, ca: Path) -> None:
    before = sorted(ca.iterdir())
    result = cert("issue", ca, *arguments, "--lang", "en")
    assert (result.exit_code, said in " ".join(result.stderr.split()), sorted(ca.iterdir())) == (2, True, before)


def test_issue_without_ca(tmp_path: Path) -> None:
    result = cert("issue", tmp_path, "--spc", "1")
    assert (result.exit_code, result.stderr) == (1, f"{tmp_path}/intermediate.pem: No such file or directory\n")
    (tmp_path / "intermediate.pem").write_text("x")
    assert cert("issue", tmp_path, "--spc", "1").exit_code == 1


def test_verify_in_json(ca: Path) -> None:
    result = verify(issued(ca), ca / "root.pem", "--number", "+862488880001", "--output", "json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["result"], told["findings"]) == (0, "passed", [])
    assert told["claims"]["spc"] == ["1234"]
    assert {(check["name"], check["ok"]) for check in told["checks"]} == {
        (name, True)
        for name in (
            "dates",
            "extensions",
            "leaf",
            "issuers",
            "algorithms",
            "path",
            "delegation",
            "authority",
            "number",
        )
    }
    assert told["checks"][-1]["detail"] == "by the provider's code; its numbers are not listed"


def test_verify_in_a_table(ca: Path) -> None:
    lines = verify(issued(ca), ca / "root.pem", "--lang", "zh").stdout.splitlines()
    assert (lines[0].split(), lines[1].split(), lines[-1]) == (
        ["检查", "结论", "说明"],
        ["dates", "通过"],
        "证书链有效。",
    )


def test_verify_in_csv(ca: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(verify(issued(ca), ca / "root.pem", "--output", "csv").stdout)))
    assert rows[0] == {"name": "dates", "ok": "true", "detail": ""}


@pytest.mark.parametrize(
    ("number", "status", "findings"),
    [
        ("862488880001", 0, []),
        ("862488880099", 0, []),
        ("862488880100", 3, [{"rule": "identity.not_authorised", "detail": "certificate does not speak for 862488880100"}]),
    ],
)  # fmt: skip
def test_verify_a_delegate(number: str, status: int, findings: list[dict[str, str]], ca: Path) -> None:
    file = issued(ca, "--range", "862488880000-862488880099")
    result = verify(file, ca / "root.pem", "--number", number, "--output", "json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["findings"]) == (status, findings)
    assert told["result"] == ("failed" if findings else "passed")


def test_verify_at_another_time(ca: Path) -> None:
    result = verify(issued(ca), ca / "root.pem", "--at", LATER, "--output", "json")
    rules = {finding["rule"] for finding in json.loads(result.stdout)["findings"]}
    assert (result.exit_code, rules) == (3, {"identity.untrusted"})


def test_verify_with_another_root(ca: Path, tmp_path: Path) -> None:
    cert("init-ca", tmp_path / "other", "--name", "Carrier", "--at", AT)
    result = verify(issued(ca), tmp_path / "other" / "root.pem", "--lang", "en")
    assert result.exit_code == 3
    assert "no path to a trust anchor" in result.stdout
    assert result.stdout.endswith("The chain is not good.\n")
    assert verify(ca / "leaf.pem", tmp_path / "other" / "root.pem", "--anchors", ca / "root.pem").exit_code == 0


def test_revocation(ca: Path) -> None:
    file = issued(ca)
    assert cert("crl", ca, "--at", AT).exit_code == 0
    good = verify(file, ca / "root.pem", "--crl", ca / "crl.pem", "--output", "json")
    assert (good.exit_code, json.loads(good.stdout)["checks"][-1]) == (
        0,
        {"name": "revocation", "ok": True, "detail": ""},
    )
    serial = f"{load_chain(file.read_bytes())[0].serial_number:x}"
    said = [cert("revoke", ca, file, "--at", AT, "--lang", "en").stdout for _ in range(2)]
    assert said == [f"Certificate {serial} is revoked.\n", f"Certificate {serial} was revoked before.\n"]
    assert cert("crl", ca, "--at", AT).exit_code == 0
    bad = verify(file, ca / "root.pem", "--crl", ca / "crl.pem", "--output", "json")
    told = json.loads(bad.stdout)
    assert (bad.exit_code, told["findings"]) == (
        3,
        [{"rule": "identity.revoked", "detail": f"certificate {serial} is revoked"}],
    )


def test_outdated_list_leaves_it_unknown(ca: Path) -> None:
    file = issued(ca)
    cert("crl", ca, "--at", "2026-11-01T00:00:00Z", "--days", "1", "--out", ca / "old.pem")
    result = verify(file, ca / "root.pem", "--crl", ca / "old.pem", "--output", "json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["result"], told["findings"]) == (3, "unknown", [])
    assert verify(file, ca / "root.pem", "--crl", ca / "old.pem", "--lang", "en").stdout.endswith(
        "not every check could be made.\n"
    )


def test_list_of_a_signer_for_all_stands_with_its_certificate(tmp_path: Path) -> None:
    root = chains.ca("Root")
    signer = chains.ca("STI-PA CRL")
    leaf = chains.leaf(root, serial=7)
    (tmp_path / "chain.pem").write_bytes(chains.pem(leaf))
    (tmp_path / "root.pem").write_bytes(chains.pem(root))
    listed = chains.crl_pem(chains.revocations(signer, of=[(7, root)], place=chains.INDIRECT))
    (tmp_path / "list.pem").write_bytes(listed)
    (tmp_path / "both.pem").write_bytes(chains.pem(signer) + listed)
    outcomes = {}
    for name in ("list.pem", "both.pem"):
        told = verify(tmp_path / "chain.pem", tmp_path / "root.pem", "--crl", tmp_path / name, "--output", "json")
        outcomes[name] = json.loads(told.stdout)["result"]
    assert outcomes == {"list.pem": "unknown", "both.pem": "failed"}


def test_revoke_of_another_ca(ca: Path, tmp_path: Path) -> None:
    file = tmp_path / "strange.pem"
    file.write_bytes(chains.pem(chains.leaf(chains.ca("Root"))))
    result = cert("revoke", ca, file, "--lang", "en")
    assert (result.exit_code, result.stderr) == (1, f"{file} was not issued by this CA\n")
    assert not (ca / "revoked.csv").exists()


def test_show_in_a_table(ca: Path) -> None:
    shown = cert("show", issued(ca), "--lang", "en").stdout
    assert "provider codes  1234\n" in shown
    assert shown.count("serial number") == 2
    assert "faults" not in shown


def test_show_the_certificate_of_the_rfc(vectors: Path) -> None:
    (row,) = json.loads(cert("show", vectors / "rfc" / "rfc9118-fig1-cert.pem", "--output", "json").stdout)
    assert (row["spc"], row["must_include"], row["must_exclude"]) == (["1234"], ["confidence"], ["priority"])
    assert row["permitted"] == ["confidence=high|medium"]


def test_what_a_certificate_says_cannot_drive_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "odd.pem"
    file.write_bytes(chains.pem(chains.leaf(chains.ca("Root"), "evil\x1b[2J\u202e")))
    for output in ("table", "json", "csv"):
        shown = cert("show", file, "--output", output).stdout
        assert not {"\x1b", "\u202e"} & set(shown), output


@pytest.mark.parametrize(
    ("option", "octets", "said"),
    [
        pytest.param("--chain", b"", "there must be 1 to 10 certificates", id="empty-chain"),
        pytest.param("--chain", None, "No such file or directory", id="no-chain"),
        pytest.param("--anchors", b"x", "there must be 1 to 1000 certificates", id="no-anchor"),
        pytest.param("--anchors", None, "No such file or directory", id="no-anchors"),
        pytest.param("--crl", b"x", "revocation list cannot be read", id="no-list"),
        pytest.param("--crl", None, "No such file or directory", id="no-lists"),
    ],
)
def test_wrong_files(option: str, octets: bytes | None, said: str, ca: Path) -> None:
    file = ca / "odd\x1b"
    if octets is not None:
        file.write_bytes(octets)
    files = {"--chain": issued(ca), "--anchors": ca / "root.pem", option: file}
    result = cert("verify", *(each for pair in files.items() for each in pair))
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"{ca}/odd\\x1b: {said}\n")


@pytest.mark.parametrize("arguments", [[], ["--chain", "x"], ["--chain", "x", "--anchors", "x", "--number", "x"]])
def test_verify_wrong_usage(arguments: list[str]) -> None:
    assert cert("verify", *arguments).exit_code == 2
