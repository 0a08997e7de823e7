"""trunkward report, as an operator asks for it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.cli.report import command
from proxy.observe.indexing import Indexer
from proxy.store.database import open_store
from proxy.store.index import open_index
from tests.cli import records as made
from tests.store import rows

CONFIG = """\
node: {{name: gw1, mode: block, state: "{here}/state"}}
listen: [{{name: access, address: "127.0.0.1:5060"}}]
core: {{next_hops: [{{uri: "sip:127.0.0.1:5080"}}]}}
directory: {{url: "{url}"}}
records: {{directory: "{here}/records"{more}}}
"""
DIRECTORY = """\
customers: [{id: acme, name: Acme}, {id: bolt, name: Bolt}]
trunks:
  - {id: acme-1, customer: acme, role: access, sources: [127.0.0.2/32], allocations: [{number: "+862488880001"}]}
  - {id: bolt-1, customer: bolt, role: access, sources: [127.0.0.3/32], mode: monitor}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made.write(tmp_path / "records")
    (tmp_path / "state").mkdir()
    (tmp_path / "directory.yaml").write_text(DIRECTORY)
    index = open_index(f"sqlite:{tmp_path / 'records' / 'index.db'}", tmp_path, create=True)
    index.prepare()
    while Indexer(tmp_path / "records", "gw1", index).step():
        pass
    return tmp_path


def run(here: Path, *arguments: str, url: str = "file:directory.yaml", more: str = "", lang: str = "en") -> Result:
    (here / "c.yaml").write_text(CONFIG.format(here=here, url=url, more=more), encoding="utf-8")
    return CliRunner().invoke(command, [*arguments, "-c", str(here / "c.yaml"), "--lang", lang], catch_exceptions=False)


def test_a_month_of_all_trunks(here: Path) -> None:
    result = run(here, "monthly", "--month", "2026-11", "--format", "json")
    told = json.loads(result.stdout)
    assert (told["period"], told["total"]["calls"], told["total"]["rejected"], told["total"]["would_reject"]) == (
        "2026-11",
        5,
        3,
        1,
    )
    assert sum(step["calls"] for step in told["steps"]) == 5
    assert {row["code"] for row in told["audit"] if row["trunk"] == "bolt-1"} == {"idle", "monitor"}
    assert {row["rule"] for row in told["rules"]} == {
        "caller.not_allocated",
        "caller.display_name",
        "caller.of_tomorrow",
        "trunk.unknown",
    }


def test_a_day_of_one_trunk_as_csv_and_a_page_in_a_file(here: Path) -> None:
    result = run(here, "daily", "--date", "2026-11-23", "--trunk", "acme-1", "--format", "csv")
    cells = {tuple(row[:3]): row[3] for row in csv.reader(io.StringIO(result.stdout))}
    assert (cells["total", "", "calls"], cells["total", "", "rejected"]) == ("2", "1")
    assert not any(row[1] == "bolt-1" for row in cells)
    page = here / "day.html"
    assert run(here, "daily", "--date", "2026-11-23", "--output", str(page), lang="zh").stdout == ""
    assert "日报 2026-11-23" in page.read_text(encoding="utf-8")
    assert "+8613800138000" in page.read_text(encoding="utf-8")


def test_numbers_in_reports_are_masked_where_views_are(here: Path) -> None:
    arguments = ("monthly", "--month", "2026-11")
    masked = run(here, *arguments, more=", mask_views: true").stdout
    assert ("13800138000" in masked, "+86138****8000" in masked) == (False, True)
    assert "+8613800138000" in run(here, *arguments, "--unmask", more=", mask_views: true").stdout
    assert (here / "state" / "unmasked.jsonl").exists()


def test_admission_comes_from_the_database(here: Path) -> None:
    store = open_store("sqlite:d.db", here, create=True)
    store.migrate()
    with store.write() as session:
        rows.customer(session, "acme", "suspended")
        rows.allocation(
            session, rows.trunk(session, "acme-1", "acme", role="access", sources=["127.0.0.2/32"]), "+862488880001"
        )
    told = json.loads(run(here, "monthly", "--month", "2026-11", "--format", "json", url="sqlite:d.db").stdout)
    assert [(row["customer"], row["state"]) for row in told["customers"]] == [("acme", "suspended")]
    assert {"customer_state", "unproved"} <= {row["code"] for row in told["audit"]}


@pytest.mark.parametrize(
    ("arguments", "more", "said", "status"),
    [
        (("daily", "--trunk", "none"), "", "there is no trunk 'none'", 1),
        (("daily", "--customer", "none"), "", "there is no customer 'none'", 1),
        (("daily",), ", index: {url: off}", "records.index.url is off", 1),
        (("daily",), ', index: {url: "sqlite:none.db"}', "none.db", 1),
        (("daily", "--output", "/none/x.html"), "", "/none/x.html: No such file or directory", 1),
        (("daily", "--date", "23.11.2026"), "", "YYYY-MM-DD", 2),
        (("monthly", "--month", "2026-13"), "", "2026-13", 2),
    ],
)
def test_what_cannot_be_made_is_said(here: Path, arguments: tuple[str, ...], more: str, said: str, status: int) -> None:
    result = run(here, *arguments, more=more)
    assert (result.exit_code, result.stdout, said in result.stderr) == (status, "", True)
