"""What a configuration gives, and what a new one changes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import trustme

from proxy.admin.services import Services
from proxy.settings.problems import ConfigError
from tests.admin.stage import IDENTITY, TOKEN, write_config, write_identity

NOW = 1443208345


def services(config: Path | None) -> Services:
    return Services(config, lambda: NOW)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that signs and verifies; nobody serves its certificates."""
    write_identity(tmp_path, NOW)
    (tmp_path / "web-ca.pem").write_bytes(trustme.CA().cert_pem.bytes())
    return write_config(tmp_path, IDENTITY.format(port=9443))


def test_without_a_configuration_there_is_nothing() -> None:
    made = services(None)
    assert (made.verifier, made.authentication, made.tls, made.instance) == (None, None, None, "trunkward")


def test_a_configuration(config: Path) -> None:
    made = services(config)
    assert made.verifier is not None
    assert made.authentication is not None
    assert (made.tls, made.instance) == (None, "gw1")


def test_a_bad_one_at_the_start(config: Path) -> None:
    (config.parent / "sp.key").write_bytes(b"")
    with pytest.raises(ConfigError, match="there is no private key"):
        services(config)


def reloaded(config: Path, change: object) -> tuple[Services, Services, bool]:
    """What was there before and after a change, and whether the reload was refused."""

    async def main() -> tuple[Services, Services, bool]:
        made = services(config)
        before = services(None)
        before.__dict__.update({key: value for key, value in vars(made).items() if not key.startswith("_")})
        change()  # type: ignore[operator]
        try:
            await made.reload()
        except ConfigError:
            return before, made, True
        finally:
            await made.aclose()
        return before, made, False

    return asyncio.run(main())


def test_nothing_new_keeps_the_verifier_and_what_it_knows(config: Path) -> None:
    before, after, refused = reloaded(config, lambda: None)
    assert not refused
    assert after.verifier is before.verifier
    assert after.authentication is before.authentication


def test_new_files_are_taken(config: Path) -> None:
    before, after, refused = reloaded(config, lambda: write_identity(config.parent, NOW))
    assert not refused
    assert after.verifier is not before.verifier
    assert after.authentication is not before.authentication


def test_a_broken_file_keeps_everything(config: Path) -> None:
    def broken() -> None:
        write_identity(config.parent, NOW)
        (config.parent / "anchors.pem").write_bytes(b"no anchor")

    before, after, refused = reloaded(config, broken)
    assert refused
    assert (after.verifier, after.authentication, after.access) == (before.verifier, before.authentication, before.access)  # fmt: skip


def test_an_identity_that_goes(config: Path) -> None:
    _, after, refused = reloaded(config, lambda: write_config(config.parent))
    assert (refused, after.verifier, after.authentication) == (False, None, None)


def test_tls_changes_with_its_files_alone(config: Path) -> None:
    ca = trustme.CA()

    def certificate() -> None:
        made = ca.issue_cert("127.0.0.1")
        (config.parent / "own.pem").write_bytes(made.cert_chain_pems[0].bytes())
        (config.parent / "own.key").write_bytes(made.private_key_pem.bytes())

    certificate()
    (config.parent / "tokens").write_text(f"{TOKEN}\n")
    write_config(config.parent, "admin: {certificate: own.pem, key: own.key, tokens: tokens}\n")
    same = reloaded(config, lambda: None)
    other = reloaded(config, certificate)
    assert same[0].tls is not None
    assert same[0].tls is same[1].tls
    assert other[0].tls is not other[1].tls
