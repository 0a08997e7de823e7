"""docs/rules.md, the catalogue and the policy know the same rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proxy.checks.policy import DEFAULTS, RULES
from proxy.settings.catalogue import text


def test_every_rule_has_its_section(root: Path) -> None:
    page = (root / "docs/rules.md").read_text(encoding="utf-8")

    assert re.findall(r"^## (\S+)$", page, re.MULTILINE) == list(RULES)
    for rule in RULES:
        section = page.split(f"## {rule}\n")[1].split("\n## ")[0]
        assert f"Answer: {DEFAULTS[rule].status}" in section


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_its_text(rule: str, lang: str) -> None:
    assert text(f"rule.{rule}", lang, header="From", value="x", expected="y")
