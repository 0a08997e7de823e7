"""The files of TLS listeners: each fault at the key that names the file."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from proxy.settings.model import Listen
from proxy.settings.problems import ProblemList
from proxy.sources.listen_files import ListenFiles, listen_ends, read_listen

CONFIG = """\
listen:
  - {{name: tls, transport: tls, address: "127.0.0.1:5061", certificate: {certificate}, key: {key}{more}}}
"""


class Files:
    """A configuration beside the files that it names."""

    def __init__(self, directory: Path) -> None:
        self.config = directory / "c.yaml"
        self.ca = trustme.CA()
        made = self.ca.issue_cert("sbc.example.net")
        (directory / "c.pem").write_bytes(made.cert_chain_pems[0].bytes())
        (directory / "k.pem").write_bytes(made.private_key_pem.bytes())
        (directory / "other.pem").write_bytes(self.ca.issue_cert("other").private_key_pem.bytes())
        (directory / "ca.pem").write_bytes(self.ca.cert_pem.bytes())
        (directory / "junk.pem").write_bytes(b"junk")

    def read(self, certificate: str = "c.pem", key: str = "k.pem", **cas: str) -> tuple[ListenFiles, list[str]]:
        more = "".join(f", {name}: {value}" for name, value in cas.items())
        self.config.write_text(CONFIG.format(certificate=certificate, key=key, more=more))
        given = {"certificate": certificate, "key": key, **cas}
        item = Listen.model_validate({"name": "tls", "transport": "tls", "address": "127.0.0.1:5061", **given})
        found = ProblemList()
        files = read_listen(self.config, (item,), found)
        return files[0], [problem.text("en").partition("c.yaml:")[2] for problem in found]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_all_is_read(files: Files) -> None:
    read, problems = files.read(client_ca="ca.pem")
    assert problems == []
    assert read.certificate
    assert read.key
    assert read.client_ca == read.server_ca == files.ca.cert_pem.bytes()
    assert set(listen_ends({0: read})) == {"listen tls"}


def test_servers_may_have_cas_of_their_own(files: Files) -> None:
    read, _ = files.read(server_ca="ca.pem")
    assert (read.client_ca, read.server_ca) == (b"", files.ca.cert_pem.bytes())


@pytest.mark.parametrize(
    ("named", "key"),
    [
        ({"certificate": "none.pem"}, "listen[0].certificate"),
        ({"certificate": "junk.pem"}, "listen[0].certificate"),
        ({"key": "junk.pem"}, "listen[0].key"),
        ({"key": "other.pem"}, "listen[0].certificate"),
        ({"client_ca": "junk.pem"}, "listen[0].client_ca"),
        ({"server_ca": "none.pem"}, "listen[0].server_ca"),
    ],
)
def test_what_cannot_be_used_is_told_where_it_is_named(files: Files, named: dict[str, str], key: str) -> None:
    _, problems = files.read(**named)
    assert len(problems) == 1
    assert f": {key}: " in problems[0]
