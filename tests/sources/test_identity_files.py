"""The files of signed identity: all are good, or every problem is named where it stands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from proxy.call.trunk import IdentityTerms
from proxy.checks.policy import NAMES
from proxy.parts import load_all
from proxy.settings.load import load
from proxy.settings.problems import ConfigError, ProblemList
from proxy.sources.directory_file import load_directory
from proxy.sources.identity_files import NO_FILES, node_terms, read_identity, signer_of
from proxy.sources.named_files import place_of
from stirshaken.errors import MalformedError
from stirshaken.hierarchy import Validity, leaf, name, new_key, revocation_list
from stirshaken.tnauthlist import Spc, TNAuthList
from tests.checks.calls import trunk
from tests.sources.identity import key_pem, pem, signer_files, written
from tests.stirshaken.scene import YEAR, hierarchy, party

CONFIG = """\
node: {{name: gw1, mode: {mode}}}
listen:
  - {{name: access, address: "127.0.0.1:5060"}}
core:
  next_hops: [{{uri: "sip:127.0.0.1:5080"}}]
directory: {{url: "file:d.yaml"}}
{identity}
"""
DIRECTORY = """\
customers: [{id: acme}]
trunks:
  - id: acme-1
    customer: acme
    sources: ["198.51.100.7"]
    identity: {}
    allocations: [{first: "+862488880000", last: "+862488880099"}]
"""
FULL = """\
identity:
  trust_anchors: [root.pem]
  crls: [list.crl]
  repositories: {ca: root.pem}
  sign:
    key: sp.key
    certificate_url: "https://cert.example.net/sp.pem"
    certificate: sp.pem
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Every file that the full configuration names."""
    above = hierarchy()
    written(tmp_path, "root.pem", pem(above.root.certificate))
    listed = revocation_list(above.issuer, [], 1, Validity(YEAR.start, 365))
    written(tmp_path, "list.crl", listed.public_bytes(Encoding.PEM) + pem(above.issuer.certificate))
    signer_files(tmp_path)
    return tmp_path


def config(directory: Path, identity: str = FULL, mode: str = "block", terms: str = "{}") -> Path:
    (directory / "d.yaml").write_text(DIRECTORY.replace("{}", terms))
    (directory / "c.yaml").write_text(CONFIG.format(mode=mode, identity=identity))
    return directory / "c.yaml"


def problems(file: Path) -> list[str]:
    try:
        load_all(file)
    except ConfigError as error:
        assert all(problem.text("zh") != problem.text("en") for problem in error.problems)
        return [problem.text("en").replace(f"{file.parent}/", "") for problem in error.problems]
    return []


def test_all_files_are_read(files: Path) -> None:
    loaded = load_all(config(files))
    found = loaded.identity
    assert (found.anchors, found.ca) == ((pem(hierarchy().root.certificate),), pem(hierarchy().root.certificate))
    assert (len(found.crls), found.key, found.certificate) == (1, key_pem(party().holder.key), pem(party().holder.certificate))  # fmt: skip


def test_nothing_is_read_without_the_section(files: Path) -> None:
    assert load_all(config(files, "")).identity == NO_FILES


def breaking(name: str, data: bytes | None) -> Callable[[Path], None]:
    def act(directory: Path) -> None:
        if data is None:
            (directory / name).unlink()
        else:
            (directory / name).write_bytes(data)

    return act


RSA = key_pem(rsa.generate_private_key(65537, 2048))
SECRET = key_pem(new_key(), b"secret")
OTHER = leaf(hierarchy().issuer, name("US", "Test", "Other"), new_key().public_key(), 9, YEAR, TNAuthList((Spc("1"),)))
HUGE = b"-" * (8 * 1024 * 1024 + 1)


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        pytest.param(breaking("root.pem", None), ["c.yaml:8:19: identity.trust_anchors[0]: root.pem: No such file or directory", "c.yaml:10:22: identity.repositories.ca: root.pem: No such file or directory"], id="missing"),
        pytest.param(breaking("root.pem", b"x"), ["c.yaml:8:19: identity.trust_anchors[0]: root.pem: there must be 1 to 1000 certificates", "c.yaml:10:22: identity.repositories.ca: root.pem: there is no CA certificate in it"], id="no-anchor"),
        pytest.param(breaking("list.crl", b""), ["c.yaml:9:10: identity.crls[0]: list.crl: revocation list cannot be read"], id="no-list"),
        pytest.param(breaking("list.crl", HUGE), ["c.yaml:9:10: identity.crls[0]: list.crl: larger than 8 MiB"], id="huge"),
        pytest.param(breaking("sp.key", b""), ["c.yaml:12:10: identity.sign.key: sp.key: there is no private key without a password in it"], id="no-key"),
        pytest.param(breaking("sp.key", SECRET), ["c.yaml:12:10: identity.sign.key: sp.key: there is no private key without a password in it"], id="password"),
        pytest.param(breaking("sp.key", RSA), ["c.yaml:12:10: identity.sign.key: sp.key: key: not P-256"], id="rsa"),
        pytest.param(breaking("sp.key", key_pem(ec.generate_private_key(ec.SECP384R1()))), ["c.yaml:12:10: identity.sign.key: sp.key: key: not P-256"], id="p-384"),
        pytest.param(breaking("sp.key", key_pem(new_key())), ["c.yaml:14:18: identity.sign.certificate: sp.pem: it is not the certificate of this key"], id="another-key"),
        pytest.param(breaking("sp.pem", pem(OTHER)), ["c.yaml:14:18: identity.sign.certificate: sp.pem: it is not the certificate of this key"], id="another-certificate"),
        pytest.param(breaking("sp.pem", b"-"), ["c.yaml:14:18: identity.sign.certificate: sp.pem: there must be 1 to 10 certificates"], id="no-certificate"),
    ],
)  # fmt: skip
def test_broken_files(broken: Callable[[Path], None], expected: list[str], files: Path) -> None:
    broken(files)
    found = problems(config(files))
    assert found == expected


@pytest.mark.parametrize(
    ("identity", "mode", "terms", "key"),
    [
        pytest.param("", "block", "{}", None, id="without"),
        pytest.param("", "block", "{verify: required}", "identity.trust_anchors", id="a-trunk-alone-verifies"),
        pytest.param("", "block", "{sign: true}", "identity.sign", id="a-trunk-alone-signs"),
        pytest.param("identity: {}", "block", "{}", "identity.trust_anchors", id="block-without-anchors"),
        pytest.param("identity: {}", "monitor", "{}", None, id="monitor-without-anchors"),
        pytest.param("identity: {verify: off}", "block", "{}", None, id="off"),
        pytest.param("identity: {verify: off}", "block", "{verify: when-present}", "identity.trust_anchors", id="off-but-a-trunk-verifies"),
        pytest.param("identity: {}", "block", "{verify: off}", None, id="the-only-trunk-is-off"),
        pytest.param("identity: {trust_anchors: [root.pem]}", "block", "{}", None, id="anchors"),
        pytest.param("identity: {trust_anchors: [root.pem]}", "block", "{sign: true}", "identity.sign", id="nothing-to-sign-with"),
    ],
)  # fmt: skip
def test_terms_need_their_files(identity: str, mode: str, terms: str, key: str | None, files: Path) -> None:
    file = config(files, identity, mode, terms)
    found = ProblemList()
    settings = load(file, rules=NAMES)
    known = load_directory(file.parent / "d.yaml", country="86", emergency=frozenset(), rules=NAMES)
    read_identity(file, settings, known.trunks.values(), found)
    assert [problem.key for problem in found] == ([] if key is None else [key])


def test_a_trunk_in_block_mode_of_a_node_in_monitor_mode(files: Path) -> None:
    file, found = config(files, "identity: {}", "monitor"), ProblemList()
    read_identity(file, load(file, rules=NAMES), [trunk(mode="monitor"), trunk(id="b", mode="block")], found)
    assert [problem.values for problem in found] == [{"trunk": "b"}]


@pytest.mark.parametrize(
    ("url", "more", "refused"),
    [
        ("https://cert.example.net/sp.pem", "", False),
        ("https://cert.example.net:9443/sp.pem", "", True),
        ("https://u:p@cert.example.net/sp.pem", "", True),
        ("https://cert.example.net/sp.pem?x=1", "", True),
        ("https://lab.example:9443/sp.pem", 'repositories: {allow: ["lab.example:9443"]}', False),
    ],
)
def test_a_certificate_url_that_verifiers_refuse(url: str, more: str, refused: bool, files: Path) -> None:
    identity = f'identity:\n  trust_anchors: [root.pem]\n  sign: {{key: sp.key, certificate_url: "{url}"}}\n  {more}'
    assert ["identity.sign.certificate_url" in line for line in problems(config(files, identity))] == [True] * refused


def test_files_stand_beside_the_configuration_or_where_we_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    assert place_of(there / "c.yaml", "x") == there / "x"
    (here / "x").touch()
    assert place_of(there / "c.yaml", "x") == Path("x")
    (there / "x").touch()
    assert place_of(there / "c.yaml", "x") == there / "x"
    assert place_of(there / "c.yaml", "/etc/x") == Path("/etc/x")


def test_terms_of_the_node(files: Path) -> None:
    assert node_terms(None) == IdentityTerms("off", "", "pass", False)
    assert node_terms(load_all(config(files)).settings.identity) == IdentityTerms("when-present", "", "pass", True)


def test_what_is_no_key_says_nothing_of_itself() -> None:
    with pytest.raises(MalformedError) as caught:
        signer_of(b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", "https://x/")
    assert "c2VjcmV0" not in str(caught.value)
    assert caught.value.__cause__ is None
