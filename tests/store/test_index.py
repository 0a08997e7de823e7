"""The index on either engine: rows with their place, once each, and gone with their day."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from proxy.store.errors import StoreError
from proxy.store.index import Index, open_index
from proxy.store.index_search import Question, search
from tests.store.indexes import end, fill, verdict
from tests.store.postgres import Server


@pytest.fixture(params=["sqlite", "postgresql"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Index:
    """An empty index."""
    url = f"sqlite:{tmp_path / 'index.db'}"
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("server")
        url = server.database()
    made = open_index(url, Path(), create=True)
    assert not made.usable()
    made.prepare()
    assert made.usable()
    return made


def calls(index: Index) -> list[str]:
    return [row["call_id"] for row in search(index, Question(), 100)]


def test_rows_and_place_come_together_and_once(index: Index) -> None:
    assert fill(index, verdict(1), end(2, 1), after="a")
    assert not fill(index, verdict(9), before="", after="b")  # somebody else was faster
    assert fill(index, verdict(1), verdict(3), before="a", after="b")  # read again: the file was not what it was
    assert calls(index) == ["call-3", "call-1"]
    assert index.places("gw1") == {"": "b"}
    assert index.places("gw2") == {}
    assert fill(index, verdict(1), node="gw2", series="1")
    assert (calls(index), index.places()["1"]) == (["call-1", "call-3", "call-1"], "x")
    index.prepare()
    assert len(calls(index)) == 3


def test_old_days_go_whole(index: Index) -> None:
    fill(index, verdict(1), verdict(2, "2026-11-24T00:00:00.000Z"), verdict(3, "2026-11-25T23:59:59.999Z"))
    assert index.days() == ["20261123", "20261124", "20261125"]
    assert index.expire("20261125") == ["20261123", "20261124"]
    assert (index.expire("20261125"), index.days(), calls(index)) == ([], ["20261125"], ["call-3"])
    assert fill(index, verdict(1), before="x")  # a day may come back
    assert index.days() == ["20261123", "20261125"]


def test_an_index_of_another_version_is_made_anew(index: Index) -> None:
    fill(index, verdict(1))
    with index._transaction(writes=True) as connection:
        connection.execute(text("UPDATE index_facts SET version = 0"))
    assert not index.usable()
    index.prepare()
    assert (index.usable(), calls(index), index.places(), index.days()) == (True, [], {}, [])


def test_emptied_it_begins_anew(index: Index) -> None:
    fill(index, verdict(1))
    index.clear()
    assert (calls(index), index.places()) == ([], {})
    assert fill(index, verdict(1))


def test_series_have_their_bounds(index: Index) -> None:
    with index._transaction(writes=True) as connection:
        connection.execute(text("INSERT INTO index_series VALUES (255, 'gw9', '', '')"))
    with pytest.raises(StoreError, match="index_series"):
        index.number_of("gw1", "")


@pytest.mark.parametrize(
    ("opened", "key"),
    [
        (lambda place: open_index("sqlite:none.db", place), "store.missing"),
        (lambda place: open_index("postgresql://x:secret@127.0.0.1:1/x", place).days(), "store.unavailable"),
        (lambda place: open_index(f"sqlite:{place}", place, create=True).days(), "store.unavailable"),
    ],
)
def test_what_cannot_be_opened_says_why(tmp_path: Path, opened: Callable[[Path], object], key: str) -> None:
    with pytest.raises(StoreError, match=key) as error:
        opened(tmp_path)
    assert "secret" not in str(error.value.values)
