"""Numbers in views: hidden where the configuration says so, shown to who may say that he looked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.cli.viewing import NOTES, View, view
from proxy.settings.model import Settings
from tests.settings.test_model import LEAST
from tests.store.indexes import verdict


def settings(state: Path, *, hides: bool = True) -> Settings:
    return Settings.model_validate(
        {**LEAST, "node": {"name": "gw1", "state": str(state)}, "records": {"mask_views": hides}}
    )


def test_the_middle_of_numbers_is_hidden_and_the_call_id_is_not() -> None:
    record = verdict(1, call_id="123456789@pbx")
    shown = View(hides=True).record(record)
    assert (shown["caller"], shown["numbers"]["from"], shown["call_id"]) == (
        "+8624****0001",
        "+8624****0001",
        "123456789@pbx",
    )
    assert View().records([record]) == [record]


def test_who_unmasks_is_noted(tmp_path: Path) -> None:
    assert view(settings(tmp_path), "en", unmask=False).hides
    assert not (tmp_path / NOTES).exists()
    assert not view(settings(tmp_path), "en", unmask=True).hides
    (note,) = [json.loads(line) for line in (tmp_path / NOTES).read_text().splitlines()]
    assert set(note) == {"ts", "user", "command"}
    assert not view(settings(tmp_path, hides=False), "en", unmask=True).hides
    assert not view(None, "en", unmask=True).hides
    assert len((tmp_path / NOTES).read_text().splitlines()) == 1


def test_who_cannot_be_noted_sees_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        view(settings(tmp_path / "none"), "en", unmask=True)
    assert str(tmp_path / "none" / NOTES) in capsys.readouterr().err
