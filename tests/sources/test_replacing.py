"""Trunks whose callers are to be replaced, and that have nothing to replace them by."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from proxy.checks.policy import NAMES, REPLACEABLE
from proxy.settings.kinds import REPLACEABLE as IN_SETTINGS
from proxy.settings.load import load, number_source
from proxy.settings.problems import ProblemList
from proxy.sources.directory import examine
from proxy.sources.replacing import doubts, find_unreplaceable

CONFIG = """\
node: {{name: gw1}}
listen: [{{name: a, address: "192.0.2.1:5060"}}]
core: {{next_hops: [{{uri: "sip:192.0.2.9"}}]}}
directory: {{url: "file:d.yaml"}}
policy: {{{policy}}}
replacement: {{from: {shows}}}
"""
DIRECTORY = """\
customers: [{{id: acme}}]
trunks:
  - id: acme-1
    customer: acme
    {more}
    allocations:
      - {{number: "+862488880001"}}
      - {{number: "+862488880002", valid_to: 2025-12-31}}
"""
PILOT, OLD = (f'pilot_number: "+86248888000{digit}"' for digit in (1, 2))
REPLACE = "caller.not_allocated: {action: replace}"
NO_PILOT = "{file}:3: trunks[0].pilot_number: caller.not_allocated is replaced by the trunk's pilot number, and it has none: give it one of its numbers, or another action in its policy"


def examined(tmp_path: Path, policy: str, more: str, shows: str = "true") -> tuple[list[str], list[tuple[str, str]]]:
    """Problems as people read them, and warnings as (trunk, key)."""
    (tmp_path / "c.yaml").write_text(CONFIG.format(policy=policy, shows=shows), encoding="utf-8")
    (tmp_path / "d.yaml").write_text(DIRECTORY.format(more=more), encoding="utf-8")
    settings = load(tmp_path / "c.yaml", rules=NAMES)
    source = number_source(tmp_path / "c.yaml", settings)
    assert source is not None
    found = ProblemList()
    read = examine(source, found, NAMES)
    assert read is not None
    find_unreplaceable(settings, read, found)
    warned = [(trunk, key) for trunk, key, _ in doubts(settings, read, date(2026, 11, 23))]
    return [f"{each.key}: {each.message('en')}" for each in found], warned


@pytest.mark.parametrize(
    ("policy", "more", "problems"),
    [
        pytest.param("", "mode: block", [], id="nothing replaced"),
        pytest.param(REPLACE, PILOT, [], id="good"),
        pytest.param(REPLACE, "mode: block", [NO_PILOT.partition(": ")[2]], id="no pilot number"),
        pytest.param(
            "caller: {action: replace}",
            "policy: {caller: {action: tag}}",
            [],
            id="the trunk does something else",
        ),
        pytest.param(REPLACE, "role: peer", [], id="the node's policy on another operator's trunk rejects"),
        pytest.param(
            "",
            "role: peer\n    policy: {caller.missing: {action: replace}}",
            ["trunks[0].policy: caller.missing: only the callers of access trunks can be replaced; reject, tag or ignore"],
            id="the trunk's own policy on another operator's trunk",
        ),
    ],
)  # fmt: skip
def test_problems(policy: str, more: str, problems: list[str], tmp_path: Path) -> None:
    assert examined(tmp_path, policy, more)[0] == problems


@pytest.mark.parametrize(
    ("more", "shows", "warned"),
    [
        (PILOT, "true", []),
        (PILOT, "false", [("acme-1", "warning.from_stays")]),
        (f"{PILOT}\n    screening: asserted", "false", []),
        (OLD, "true", [("acme-1", "warning.pilot_ended")]),
    ],
)
def test_warnings(more: str, shows: str, warned: list[tuple[str, str]], tmp_path: Path) -> None:
    assert examined(tmp_path, REPLACE, more, shows) == ([], warned)


def test_settings_know_the_rules_that_can_be_replaced() -> None:
    """Settings stand below the checks, and have a list of their own."""
    assert REPLACEABLE | {"caller"} == IN_SETTINGS
