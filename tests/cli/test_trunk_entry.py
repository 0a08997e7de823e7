"""trunkward trunk add, set, set-mode, suspend, resume: every field by its option, and how wrong ones are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.store import Office


@pytest.fixture
def office(tmp_path: Path, root: Path) -> Office:
    made = Office(tmp_path, root)
    made.ok("directory init")
    made.customer("acme")
    return made


def shown(office: Office, name: str = "acme-1") -> dict[str, str]:
    found: dict[str, str] = json.loads(office.ok(f"trunk show {name}", "--output", "json").stdout)
    return found


def test_every_field(office: Office) -> None:
    office.ok(
        "trunk add acme-1 --customer acme --role access --screening asserted --source 127.0.0.2/32 --source 127.0.0.3/32"
        " --gateway sip:127.0.0.2:5060 --tgrp two --mode block --from 2026-01-01 --to 2027-12-31 --country 86 --area 24"
        " --strip 9 --prefix 17951= --prefix 0086=+86 --policy caller=reject:603 --policy caller.anonymous=tag"
        " --verify off --min-attestation B --on-error reject --no-sign"
    )
    facts = shown(office)
    assert (facts["screening"], facts["mode"], facts["tgrp"], facts["state"]) == ("asserted", "block", "two", "active")
    assert (facts["sources"], facts["gateway"]) == ("127.0.0.2/32 127.0.0.3/32", "sip:127.0.0.2:5060")
    assert facts["dial_plan"] == "country 86, area 24, strip 9, 17951→, 0086→ +86"
    assert facts["policy"] == "caller=reject:603 caller.anonymous=tag"
    assert (facts["valid_from"], facts["valid_to"]) == ("2026-01-01", "2027-12-31")
    history = json.loads(office.ok("directory history --trunk acme-1", "--output", "json").stdout)
    assert history[0]["after"]["identity"] == {"verify": "off", "min_attestation": "B", "on_error": "reject", "sign": False}  # fmt: skip


def test_set_leaves_the_rest_alone(office: Office) -> None:
    office.ok("trunk add acme-1 --customer acme --source 127.0.0.2/32 --area 24 --strip 9 --to 2027-12-31 --tgrp two")
    office.ok("trunk set acme-1 --area 571 --from 2026-01-01", "--tgrp", "")
    facts = shown(office)
    assert (facts["dial_plan"], facts["sources"], facts["tgrp"]) == (
        "country 86, area 571, strip 9",
        "127.0.0.2/32",
        "",
    )
    assert (facts["valid_from"], facts["valid_to"]) == ("2026-01-01", "2027-12-31")


def test_modes_and_states(office: Office) -> None:
    office.ok("trunk add acme-1 --customer acme")
    office.ok("trunk set-mode acme-1 block")
    assert shown(office)["mode"] == "block"
    office.ok("trunk set-mode acme-1 default")
    assert shown(office)["mode"] == "monitor"
    office.ok("trunk suspend acme-1")
    assert shown(office)["state"] == "suspended"
    said = office.ok("trunk resume acme-1").stderr
    assert shown(office)["state"] == "active"
    assert said == "trunk acme-1 is kept; a running proxy takes it with its next reload\n"


@pytest.mark.parametrize(
    ("line", "exit_code", "said"),
    [
        ("trunk add core --customer acme", 1, "trunks.core.id"),
        ("trunk add acme-1 --customer none", 1, "there is no customer none"),
        ("trunk add acme-1 --customer acme --mode blok", 1, "trunks.acme-1.mode"),
        ("trunk add acme-1 --customer acme --source 10.0.0.1/8", 1, "trunks.acme-1.sources"),
        ("trunk add acme-1 --customer acme --policy caller", 1, "'caller' is no pair; write caller=reject:603"),
        ("trunk add acme-1 --customer acme --policy callr=tag", 1, "trunks.acme-1.policy.callr"),
        ("trunk add acme-1 --customer acme --policy caller=reject:999", 1, "trunks.acme-1.policy.caller.status"),
        ("trunk add acme-1 --customer acme --policy caller=reject:６03", 1, "trunks.acme-1.policy.caller.status"),
        ("trunk set none --mode block", 1, "there is no trunk none"),
        ("trunk set-mode acme-1 off", 2, "off"),
        ("trunk add acme-1", 2, "--customer"),
    ],
)
def test_wrong_input(line: str, exit_code: int, said: str, office: Office) -> None:
    result = office.run(line)
    assert result.exit_code == exit_code, result.output
    assert said in result.stderr
    assert office.ok("directory history", "--output", "csv").stdout.count("trunk") == 0
