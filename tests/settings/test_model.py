"""The configuration's model: its values, its defaults, and the manual that names every key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from proxy.settings import yaml_strict
from proxy.settings.directory_model import DirectoryFile
from proxy.settings.kinds import Destination
from proxy.settings.model import NextHop, Settings

LEAST: Mapping[str, Any] = {
    "node": {"name": "gw1"},
    "listen": [{"name": "access", "address": "192.0.2.1:5060"}],
    "core": {"next_hops": [{"uri": "sip:192.0.2.9"}]},
    "directory": {"url": "file:trunks.yaml"},
}


def test_defaults() -> None:
    settings = Settings.model_validate(LEAST)
    assert (settings.node.mode, settings.node.workers, settings.node.state) == (
        "monitor",
        "auto",
        "var/state",
    )
    assert (settings.listen[0].transport, settings.listen[0].advertise) == ("udp", None)
    assert (settings.core.next_hops[0].priority, settings.core.next_hops[0].weight) == (1, 1)
    assert (settings.core.ring_timeout, settings.core.failover_after, settings.core.probe) == (180.0, 2.0, None)
    assert settings.directory.max_shrink == 0.2
    assert (settings.numbering.country, settings.numbering.emergency) == ("86", ("110", "119", "120", "122"))
    assert settings.policy == {}
    records = settings.records
    assert (records.directory, records.mask_numbers, records.queue) == ("var/log", False, 100_000)
    assert (settings.metrics.address, settings.admin.address) == (("127.0.0.1", 9464), ("127.0.0.1", 8080))


def test_settings_go_between_processes() -> None:
    settings = Settings.model_validate(LEAST)
    assert ForkingPickler.loads(ForkingPickler.dumps(settings)) == settings


@pytest.mark.parametrize(
    "url",
    ["file:trunks.yaml", "file:/etc/trunks.yaml", "file:///etc/trunks.yaml", "sqlite:d.db", "sqlite:///var/d.db", "sqlite:////d",
     "postgresql://tw@db/tw", "postgresql://tw:p%40@[::1]:5433/tw?sslmode=require", "postgresql:///tw"],
)  # fmt: skip
def test_directories(url: str) -> None:
    assert Settings.model_validate({**LEAST, "directory": {"url": url}}).directory.url == url


@pytest.mark.parametrize(
    "url",
    ["", "trunks.yaml", "file:", "file://host/x", "sqlite:", "sqlite://x", "sqlite+aiosqlite:d.db", "postgresql:tw", "postgresql://db",
     "postgresql://db/", "postgresql+asyncpg://db/tw", "postgresql://db/tw x", "mysql://db/tw", "FILE:x", 5],
)  # fmt: skip
def test_no_directories(url: object) -> None:
    with pytest.raises(ValidationError, match=r"url|text"):
        Settings.model_validate({**LEAST, "directory": {"url": url}})


def test_a_password_is_not_shown_with_a_wrong_url() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({**LEAST, "directory": {"url": "postgresql://tw:secret@db"}})
    assert caught.value.errors()[0]["ctx"] == {"value": "postgresql://tw@db"}


@pytest.mark.parametrize(
    ("uri", "address"),
    [("sip:192.0.2.9", ("192.0.2.9", 5060)), ("sip:[2001:db8::9]:5070;transport=udp", ("2001:db8::9", 5070))],
)
def test_the_address_of_a_next_hop(uri: str, address: tuple[str, int]) -> None:
    where = NextHop(uri=uri).destination
    assert (where[:2], where.is_name) == (address, False)


@pytest.mark.parametrize(
    ("uri", "where"),
    [
        ("sip:Carrier.example.com", Destination("carrier.example.com", 0)),
        ("sip:carrier.example.com.:5070", Destination("carrier.example.com", 5070)),
        ("sip:sbc_1.example.com;transport=udp", Destination("sbc_1.example.com", 0, "udp")),
    ],
)
def test_the_name_of_a_next_hop(uri: str, where: Destination) -> None:
    assert NextHop(uri=uri).destination == where
    assert where.is_name


@pytest.mark.parametrize("host", ["999.1.1.1", "1.2", "a..b", "-a.b", "a" * 64, ".", "[carrier.example.com]"])
def test_no_names(host: str) -> None:
    with pytest.raises(ValidationError, match=r"host_name|sip_uri"):
        NextHop(uri=f"sip:{host}")


def sections(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for inner in inside(field.annotation):
            yield from sections(inner)


def inside(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from inside(part)


def keys() -> list[tuple[str, str, str]]:
    """Section, key and description of every key of both files."""
    return sorted(
        {
            (section.__name__, field.alias or name, field.description or "")
            for model in (Settings, DirectoryFile)
            for section in sections(model)
            for name, field in section.model_fields.items()
        }
    )


def test_the_walk_sees_both_files() -> None:
    seen = {(section, key) for section, key, _ in keys()}
    assert len(seen) > 50
    assert {
        ("NextHop", "weight"),
        ("PolicyAction", "status"),
        ("Period", "from"),
        ("Allocation", "csv"),
    } <= seen


@pytest.mark.parametrize(("section", "key", "description"), keys())
def test_every_key_is_described_and_in_the_manual(section: str, key: str, description: str, root: Path) -> None:
    manual = (root / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert description.endswith(".")
    tables = [line for line in manual.splitlines() if line.startswith(("| `", "### ", "## "))]
    named = [
        line
        for line in tables
        if any(key in line for key in (f"`{key}`", f"`{key}.", f".{key}`", f"# {key}", f", {key}"))
    ]
    assert named, f"{section}.{key} is not in docs/configuration.md"


def test_the_shipped_configuration_says_nothing_unknown(root: Path) -> None:
    for name, model in (("trunkward.yaml", Settings), ("directory.yaml", DirectoryFile)):
        data, _ = yaml_strict.read((root / "config" / name).read_text(encoding="utf-8"), name)
        assert model.model_validate(data).model_fields_set == set(data)
