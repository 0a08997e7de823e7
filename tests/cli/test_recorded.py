"""Records by configuration: through the index, without one, and masked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.cli.call import command
from tests.cli import records as made

CONFIG = """\
node: {{name: gw1, state: "{here}/state"}}
listen: [{{name: access, address: "127.0.0.1:5060"}}]
core: {{next_hops: [{{uri: "sip:127.0.0.1:5080"}}]}}
directory: {{url: "file:directory.yaml"}}
records: {{directory: "{here}/records", mask_views: {hides}, index: {{url: "{url}"}}}}
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    made.write(tmp_path / "records")
    (tmp_path / "state").mkdir()
    return tmp_path


def run(here: Path, *arguments: str, hides: str = "false", url: str = "sqlite:index.db") -> Result:
    (here / "c.yaml").write_text(CONFIG.format(here=here, hides=hides, url=url), encoding="utf-8")
    return CliRunner().invoke(command, [*arguments, "-c", str(here / "c.yaml"), "--lang", "en"], catch_exceptions=False)


def found(result: Result) -> list[str]:
    return [record["call_id"] for record in json.loads(result.stdout)]


@pytest.mark.parametrize(
    ("asked", "calls"),
    [
        ((), ["good@pbx", "bad@pbx", "noted@pbx", "name@pbx", "x"]),
        (("--number", "02488880001"), ["good@pbx"]),
        (("--rule", "caller"), ["bad@pbx", "noted@pbx", "name@pbx"]),
        (("--verdict", "would-reject"), ["noted@pbx"]),
        (("--status", "403"), ["bad@pbx", "name@pbx"]),
        (("--customer", "acme", "--since", "2026-11-24"), ["noted@pbx", "name@pbx"]),
        (("--call-id", "name@pbx"), ["name@pbx"]),
    ],
)
def test_the_index_finds_what_the_files_say(here: Path, asked: tuple[str, ...], calls: list[str]) -> None:
    without = run(here, "search", *asked, "--output", "json")
    assert run(here, "reindex").exit_code == 0
    indexed = run(here, "search", *asked, "--output", "json")
    assert json.loads(indexed.stdout) == json.loads(without.stdout)
    assert set(found(indexed)) <= set(calls)
    assert set(calls) - {"x"} <= set(found(indexed))


def test_pages_go_on_where_the_last_one_ended(here: Path) -> None:
    assert "--before needs the index" in run(here, "search", "--before", "5").stderr
    assert "2 days of records" in run(here, "reindex").stdout
    seen: list[str] = []
    more: tuple[str, ...] = ()
    for _ in range(3):
        page = run(here, "search", "--limit", "2", "--output", "json", *more)
        seen = found(page) + seen
        more = ("--before", page.stderr.rpartition(" ")[2].strip())
    assert seen[:4] == ["good@pbx", "bad@pbx", "noted@pbx", "name@pbx"]
    assert len(seen) == 5


def test_one_call_is_shown_by_the_index(here: Path) -> None:
    before = run(here, "show", "good@pbx").stdout
    run(here, "reindex")
    assert run(here, "show", "good@pbx").stdout == before
    assert run(here, "show", "none").exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [("search",), ("tail",), ("show", "bad@pbx"), ("search", "--output", "csv"), ("search", "--output", "json")],
)
def test_views_are_masked_and_unmasked_by_who_says_so(here: Path, arguments: tuple[str, ...]) -> None:
    masked, whole = run(here, *arguments, hides="true"), run(here, *arguments, "--unmask", hides="true")
    assert ("13800138000" in masked.stdout, "+86138****8000" in masked.stdout) == (False, True)
    assert "13800138000" in whole.stdout
    assert len((here / "state" / "unmasked.jsonl").read_text().splitlines()) == 1


def test_an_index_that_is_off_or_away_leaves_the_files(here: Path) -> None:
    for url in ("off", "postgresql://x@127.0.0.1:1/x"):
        assert len(found(run(here, "search", "--output", "json", url=url))) == 5
        assert run(here, "reindex", url=url).exit_code == 1
