"""The files of the admin address: tokens, certificate and key, CAs of clients."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from proxy.settings.model import Admin
from proxy.settings.problems import ProblemList
from proxy.sources.admin_files import AdminFiles, read_admin, tls_of

TOKEN, OTHER = "0123456789abcdef", "A-Z.a_z~0+9/" + "x" * 10 + "=="


def read(tmp_path: Path, **named: str) -> tuple[AdminFiles, list[str]]:
    config = tmp_path / "c.yaml"
    config.write_text("admin:\n" + "".join(f"  {key}: {value}\n" for key, value in named.items()))
    found = ProblemList()
    files = read_admin(config, Admin(**named), found)  # type: ignore[arg-type]
    return files, [problem.text("en").replace(f"{tmp_path}/", "") for problem in found]


@pytest.fixture
def ca(tmp_path: Path) -> trustme.CA:
    made = trustme.CA()
    own, other = made.issue_cert("127.0.0.1"), made.issue_cert("127.0.0.1")
    (tmp_path / "own.pem").write_bytes(b"".join(pem.bytes() for pem in own.cert_chain_pems))
    (tmp_path / "own.key").write_bytes(own.private_key_pem.bytes())
    (tmp_path / "other.key").write_bytes(other.private_key_pem.bytes())
    (tmp_path / "ca.pem").write_bytes(made.cert_pem.bytes())
    return made


def test_nothing_named(tmp_path: Path) -> None:
    assert read(tmp_path) == (AdminFiles(), [])
    assert tls_of(tmp_path / "c.yaml", Admin(), AdminFiles()) is None


def test_tokens(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(f"# of the SBCs\n\n{TOKEN}\r\n  {OTHER}\t\n")
    files, problems = read(tmp_path, tokens="t")
    assert (files.tokens, problems) == ((TOKEN.encode(), OTHER.encode()), [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "there is no token in it"),
        ("# none\n\n", "there is no token in it"),
        (f"{TOKEN}\n{TOKEN[:-1]}\n", "line 2 is no token: 16 to 512 letters, digits and - . _ ~ + /, perhaps = behind them"),
        (f"{TOKEN} {TOKEN}\n", "line 1 is no token: 16 to 512 letters, digits and - . _ ~ + /, perhaps = behind them"),
        ("x" * 513, "line 1 is no token: 16 to 512 letters, digits and - . _ ~ + /, perhaps = behind them"),
        (f"{TOKEN}é", "line 1 is no token: 16 to 512 letters, digits and - . _ ~ + /, perhaps = behind them"),
    ],
)  # fmt: skip
def test_files_without_good_tokens(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "t").write_text(text)
    assert read(tmp_path, tokens="t")[1] == [f"c.yaml:2:11: admin.tokens: t: {problem}"]
    assert TOKEN not in "".join(read(tmp_path, tokens="t")[1])


def test_tls(tmp_path: Path, ca: trustme.CA) -> None:
    named = {"certificate": "own.pem", "key": "own.key"}
    files, problems = read(tmp_path, **named)
    assert problems == []
    context = tls_of(tmp_path / "c.yaml", Admin(**named), files)  # type: ignore[arg-type]
    assert context is not None
    assert (context.minimum_version, context.verify_mode) == (ssl.TLSVersion.TLSv1_2, ssl.CERT_NONE)

    files, problems = read(tmp_path, **named, client_ca="ca.pem")
    assert problems == []
    context = tls_of(tmp_path / "c.yaml", Admin(**named, client_ca="ca.pem"), files)  # type: ignore[arg-type]
    assert context is not None
    assert (context.verify_mode, len(context.get_ca_certs())) == (ssl.CERT_OPTIONAL, 1)


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({"certificate": "own.pem", "key": "other.key"}, "c.yaml:2:16: admin.certificate: certificate and key in own.pem, other.key do not belong together"),
        ({"certificate": "own.key", "key": "own.key"}, "c.yaml:2:16: admin.certificate: certificate and key in own.key, own.key do not belong together"),
        ({"certificate": "c.yaml", "key": "own.key"}, "c.yaml:2:16: admin.certificate: c.yaml: it is no PEM file"),
        ({"certificate": "own.pem", "key": "none.key"}, "c.yaml:3:8: admin.key: none.key: No such file or directory"),
        ({"client_ca": "own.key"}, "c.yaml:2:14: admin.client_ca: own.key: there is no CA certificate in it"),
        ({"client_ca": "c.yaml"}, "c.yaml:2:14: admin.client_ca: c.yaml: there is no CA certificate in it"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used(named: dict[str, str], expected: str, tmp_path: Path, ca: trustme.CA) -> None:
    assert read(tmp_path, **named)[1] == [expected]
