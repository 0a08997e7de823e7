"""The files of shipping.nats: passwords, credentials, certificates."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from proxy.settings.problems import ProblemList
from proxy.settings.shipping_model import Nats, Shipping
from proxy.sources import shipping_files
from proxy.sources.shipping_files import NO_FILES, ShippingFiles, client_tls, read_shipping

CREDENTIALS = "-----BEGIN NATS USER JWT-----\nx\n-----BEGIN USER NKEY SEED-----\nSUAsecret\n"


def nats(**said: Any) -> Nats:
    return Nats.model_validate({"servers": ["tls://127.0.0.1"], **said})


def read(directory: Path, **said: Any) -> tuple[ShippingFiles, list[str]]:
    config = directory / "c.yaml"
    config.write_text("shipping:\n  nats:\n" + "".join(f"    {key}: {value}\n" for key, value in said.items()))
    found = ProblemList()
    files = read_shipping(config, Shipping(nats=nats(**said)), found)
    return files, [problem.text("en").replace(f"{directory}/", "") for problem in found]


@pytest.fixture(autouse=True)
def _files(tmp_path: Path) -> None:
    ca = trustme.CA()
    own, other = ca.issue_cert("gw1"), ca.issue_cert("gw1")
    (tmp_path / "own.pem").write_bytes(b"".join(pem.bytes() for pem in own.cert_chain_pems))
    (tmp_path / "own.key").write_bytes(own.private_key_pem.bytes())
    (tmp_path / "other.key").write_bytes(other.private_key_pem.bytes())
    (tmp_path / "ca.pem").write_bytes(ca.cert_pem.bytes())
    (tmp_path / "good.creds").write_text(CREDENTIALS)
    (tmp_path / "password").write_text("sécret\r\nmore\n", encoding="utf-8")
    (tmp_path / "empty").write_text("\nsecret\n")
    (tmp_path / "latin").write_bytes(b"secr\xe9t\n")


def test_nothing_named(tmp_path: Path) -> None:
    assert read_shipping(tmp_path / "c.yaml", Shipping(), ProblemList()) is NO_FILES
    assert read(tmp_path) == (NO_FILES, [])


def test_a_password_and_credentials(tmp_path: Path) -> None:
    files, problems = read(tmp_path, user="gw1", password="password")
    assert (files.password, problems) == ("sécret", [])
    files, problems = read(tmp_path, credentials="good.creds")
    assert (files.credentials, problems) == (CREDENTIALS.encode(), [])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"user": "gw1", "password": "empty"}, "c.yaml:4:15: shipping.nats.password: empty: its first line is empty"),
        ({"user": "gw1", "password": "latin"}, "c.yaml:4:15: shipping.nats.password: latin: it is no UTF-8"),
        ({"user": "gw1", "password": "none"}, "c.yaml:4:15: shipping.nats.password: none: No such file or directory"),
        ({"credentials": "password"}, "c.yaml:3:18: shipping.nats.credentials: password: there are no credentials of a NATS user in it"),
        ({"tls": {"ca": "own.key"}}, "c.yaml:3:17: shipping.nats.tls.ca: own.key: there is no CA certificate in it"),
        ({"tls": {"certificate": "password", "key": "own.key"}}, "c.yaml:3:26: shipping.nats.tls.certificate: password: it is no PEM file"),
        ({"tls": {"certificate": "own.pem", "key": "other.key"}}, "c.yaml:3:26: shipping.nats.tls.certificate: certificate and key in own.pem, other.key do not belong together"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used(said: dict[str, Any], expected: str, tmp_path: Path) -> None:
    problems = read(tmp_path, **said)[1]
    assert problems == [expected]


def test_tls(tmp_path: Path) -> None:
    said = {"tls": {"ca": "ca.pem", "certificate": "own.pem", "key": "own.key"}}
    files, problems = read(tmp_path, **said)
    assert problems == []
    context = client_tls(tmp_path / "c.yaml", nats(**said), files)
    assert context is not None
    assert (context.verify_mode, context.check_hostname, len(context.get_ca_certs())) == (ssl.CERT_REQUIRED, True, 1)
    assert client_tls(tmp_path / "c.yaml", nats(servers=["nats://127.0.0.1"]), NO_FILES) is None


def test_without_the_client_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping_files, "find_spec", lambda name: None if name == "nkeys" else object())
    assert read(tmp_path)[1] == []
    assert read(tmp_path, credentials="good.creds")[1] == [
        "c.yaml:3:5: shipping.nats: the NATS client is not installed; pip install 'trunkward[nats]'"
    ]


@pytest.mark.parametrize(
    ("name", "key", "problem"),
    [
        ("password", "sécret", []),
        ("empty", "", ["c.yaml:3:10: shipping.hep.key: empty: its first line is empty"]),
        ("long", "", ["c.yaml:3:10: shipping.hep.key: long: its first line is longer than 1024 octets"]),
        ("none", "", ["c.yaml:3:10: shipping.hep.key: none: No such file or directory"]),
    ],
)
def test_the_key_of_a_capture_server(name: str, key: str, problem: list[str], tmp_path: Path) -> None:
    (tmp_path / "long").write_text("x" * 1025)
    (tmp_path / "c.yaml").write_text(f"shipping:\n  hep:\n    key: {name}\n")
    found = ProblemList()
    terms = Shipping.model_validate({"hep": {"address": "192.0.2.1:9060", "key": name}})
    assert read_shipping(tmp_path / "c.yaml", terms, found).hep_key == key
    assert [each.text("en").replace(f"{tmp_path}/", "") for each in found] == problem
