"""Searches of the index against a plain filter over the same records, on either engine."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.observe.reading import VERDICT, Wanted
from proxy.store.index import Index
from proxy.store.index_search import Question, of_call, search
from tests.store.indexes import end, fill, made_for, rejected, verdict

RULES = ("caller.not_allocated", "caller.conflict", "identity.missing", "traffic.rate")
RECORDS: list[dict[str, Any]] = [
    verdict(
        seq,
        f"2026-11-{20 + seq % 5}T{seq % 24:02}:{seq % 60:02}:00.{seq % 1000:03}Z",
        trunk=f"acme-{seq % 3}",
        customer=f"customer-{seq % 2}",
        caller=f"+8624888800{seq % 7}{seq % 10}",
        called=f"+86138001{seq:05}",
        numbers={"from": "alice_%", "pai": [f"+8621555{seq % 11:05}"], "ppi": None, "rpid": None, "diversion": []},
        **(
            {"verdict": "reject", "enforced": seq % 4 == 0, "status": 403 if seq % 4 == 0 else None,
             "findings": [{"rule": RULES[seq // 2 % 4]}, {"rule": RULES[seq // 4 % 4]}]} if seq % 2 == 0 else {}
        ),
    )
    for seq in range(1, 200)
]  # fmt: skip


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Index:
    """An index of all records."""
    made = made_for(request, tmp_path_factory.mktemp("index"))
    fill(made, *RECORDS, end(500, 7), rejected(501, "caller.dno", call_id="call-7"))
    return made


ASKED: list[dict[str, Any]] = [
    {},
    {"trunk": "acme-1"},
    {"trunk": "acme-9"},
    {"customer": "customer-1", "verdict": "pass"},
    {"rule": "caller.conflict"},
    {"rule": "caller"},
    {"rule": "caller", "trunk": "acme-2"},
    {"rule": "caller", "customer": "customer-0"},
    {"verdict": "reject", "customer": "customer-0", "trunk": "acme-1"},
    {"rule": "origin.site"},
    {"verdict": "reject"},
    {"verdict": "would-reject", "trunk": "acme-0"},
    {"verdict": "replace"},
    {"status": 403},
    {"status": 403, "rule": "identity"},
    {"numbers": ("+862488880033",)},
    {"numbers": ("+862155500007", "02155500007")},
    {"numbers": ("+862488880",)},
    {"numbers": ("0011",)},
    {"numbers": ("0011",), "verdict": "reject"},
    {"numbers": ("_%",), "trunk": "acme-1"},
    {"numbers": ("x",)},
    {"since": "2026-11-23"},
    {"since": "2026-11-21T10", "until": "2026-11-23T08:5"[:13]},
    {"until": "2026-11-22T08:08"},
    {"since": "2026-11-22T07:07:00.007", "until": "2026-11-22T07:07:00.007"},
    {"call_id": "call-11"},
]


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_what_a_filter_finds_is_found_page_by_page(index: Index, asked: dict[str, Any]) -> None:
    wanted = Wanted(event=VERDICT, **asked)
    expected = sorted((record["ts"], record["seq"]) for record in RECORDS if wanted.takes(record))[::-1]
    asked = asked | ({"since": asked.get("since", "2026-11-20")})
    found: list[dict[str, Any]] = []
    before = 0
    while rows := search(index, Question(**asked, before=before), 17):
        found += rows
        before = rows[-1]["id"]
    ours = [row for row in found if row["call_id"] != "call-7" or row["rules"] != "caller.dno"]
    assert [(row["ts"], int(row["called"][-5:])) for row in ours] == expected


def test_a_call_has_its_verdicts_and_its_end(index: Index) -> None:
    found = of_call(index, "call-7")
    assert [("verdict" in row, row["ts"]) for row in found] == [
        (True, "2026-11-22T07:07:00.007Z"), (False, "2026-11-23T08:00:00.000Z"), (True, "2026-11-23T08:00:00.000Z"),
    ]  # fmt: skip
    assert of_call(index, "call-0") == []
