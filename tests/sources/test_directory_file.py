"""A directory file as a whole: the directory that it makes, or every problem of it and its lists at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import pytest

from proxy.call.directory import Directory
from proxy.call.trunk import RuleAction, TrunkLimits
from proxy.settings.problems import ConfigError, ProblemList
from proxy.sources.directory_file import examine_directory, load_directory, shrinks_too_far

RULES = frozenset({"caller", "caller.missing", "trunk"})
EMERGENCY = frozenset({"110", "119"})
TODAY = date(2026, 11, 23)
HEAD = "customers: [{id: acme, name: Acme}, {id: bolt, state: suspended}]\ntrunks:\n"
ACME = """\
  - id: acme-1
    customer: acme
    sources: ["192.0.2.1/32"]
    allocations: [{first: "+862488880000", last: "+862488880099"}]
"""
BOLT = """\
  - id: bolt-1
    customer: bolt
    sources: ["192.0.2.2/32"]
    allocations: [{number: "+862166660000"}]
"""


def write(tmp_path: Path, written: str, lists: Mapping[str, str] | None = None) -> Path:
    for name, text in (lists or {}).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "d.yaml").write_text(written, encoding="utf-8")
    return tmp_path / "d.yaml"


def loaded(tmp_path: Path, written: str, lists: Mapping[str, str] | None = None) -> Directory:
    return load_directory(write(tmp_path, written, lists), country="49", emergency=EMERGENCY, rules=RULES)


def test_limits(tmp_path: Path) -> None:
    trunks = loaded(tmp_path, HEAD + ACME + BOLT + "    limits: {calls_per_second: 10, concurrent: 30}\n").trunks
    assert [trunks[each].limits for each in ("acme-1", "bolt-1")] == [TrunkLimits(), TrunkLimits(10, 30)]


def complaints(tmp_path: Path, written: str, lists: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as error:
        loaded(tmp_path, written, lists)
    return [problem.text("en").removeprefix(f"{tmp_path}/") for problem in error.value.problems]


FULL = """\
customers:
  - {id: acme, name: "Acme 呼叫中心"}
  - {id: bolt, name: Bolt, state: suspended}
  - {id: idle}
trunks:
  - id: acme-1
    customer: acme
    role: peer
    screening: asserted
    sources: ["192.0.2.1/32", "192.0.2.1", "2001:DB8::/48"]
    gateway: ["sip:192.0.2.1:5060", "sip:[2001:db8::1]"]
    pilot_number: "+862488881000"
    dial_plan: {country: "86", area: "24", strip: ["9"], prefixes: {17951: "", 0086: "+86"}}
    tgrp: a
    mode: block
    state: suspended
    valid: {from: 2026-01-01, to: 2026-12-31}
    policy: {caller: {action: tag}, caller.missing: {action: reject, status: 603}}
    allocations:
      - {first: "+862488880000", last: "+862488880099", purpose: sales, proof: contract 1}
      - {number: "+864008001234", valid_from: 2026-01-01, valid_to: 2026-06-30}
      - {prefix: "+8695588", valid_to: 2027-01-01}
      - {csv: lists/a.csv, valid_to: 2025-12-31, purpose: from the list}
  - {id: bolt-1, customer: bolt}
"""
LIST = "first,last,valid_to,purpose\n+862488881000,+862488881009,,\n+862488882000,,2027-12-31,own\n"


def test_everything_is_taken_over(tmp_path: Path) -> None:
    directory = loaded(tmp_path, FULL, {"lists/a.csv": LIST})
    trunk = directory.trunks["acme-1"]
    assert (trunk.customer.name, trunk.role, trunk.screening) == ("Acme 呼叫中心", "peer", "asserted")
    assert trunk.sources == ("192.0.2.1/32", "2001:db8::/48")
    assert trunk.gateway == ("sip:192.0.2.1:5060", "sip:[2001:db8::1]")
    assert (trunk.pilot_number, trunk.tgrp, trunk.mode, trunk.suspended) == (
        "+862488881000",
        "a",
        "block",
        True,
    )
    assert (trunk.valid_from, trunk.valid_to) == (date(2026, 1, 1), date(2026, 12, 31))
    plan = trunk.dial_plan
    assert (plan.country, plan.area, plan.strip) == ("86", "24", ("9",))
    assert (plan.prefixes, plan.emergency) == ({"17951": "", "0086": "+86"}, EMERGENCY)
    assert trunk.policy == {"caller": RuleAction("tag"), "caller.missing": RuleAction("reject", 603)}
    assert directory.customers["bolt"].suspended
    assert set(directory.customers) == {"acme", "bolt", "idle"}
    assert directory.trunks["bolt-1"].dial_plan.country == "49"
    assert directory.at("2001:db8::5") == (trunk,)


@pytest.mark.parametrize(
    ("number", "day", "allocated"),
    [
        pytest.param("+862488880099", TODAY, True, id="range"),
        pytest.param("+862488880100", TODAY, False, id="behind-the-range"),
        pytest.param("+864008001234", TODAY, False, id="number-ended"),
        pytest.param("+864008001234", date(2026, 6, 30), True, id="number-on-its-last-day"),
        pytest.param("+8695588123", TODAY, True, id="prefix"),
        pytest.param("+862488881005", TODAY, False, id="row-ends-as-the-entry-says"),
        pytest.param("+862488881005", date(2025, 12, 31), True, id="row-on-the-last-day-of-the-entry"),
        pytest.param("+862488882000", TODAY, True, id="row-says-more-than-the-entry"),
    ],
)
def test_allocations(number: str, day: date, allocated: bool, tmp_path: Path) -> None:
    assert loaded(tmp_path, FULL, {"lists/a.csv": LIST}).allocated("acme-1", number, day) is allocated


def test_what_a_row_leaves_empty_is_taken_from_the_entry(tmp_path: Path) -> None:
    directory = loaded(tmp_path, FULL, {"lists/a.csv": LIST})
    assert directory.grants("+862488881000")[0].purpose == "from the list"
    assert directory.grants("+862488882000")[0].purpose == "own"


def test_a_directory_goes_between_processes(tmp_path: Path) -> None:
    directory = loaded(tmp_path, FULL, {"lists/a.csv": LIST})
    again: Directory = ForkingPickler.loads(ForkingPickler.dumps(directory))
    assert again.trunks == directory.trunks
    assert again.entries == directory.entries


def test_what_is_worth_knowing(tmp_path: Path) -> None:
    found = ProblemList()
    path = write(tmp_path, FULL, {"lists/a.csv": LIST})
    examined = examine_directory(path, found, country="86", emergency=EMERGENCY, rules=RULES)
    assert examined is not None
    assert examined.ends == {
        "acme-1": {
            None: 1,
            date(2026, 6, 30): 1,
            date(2027, 1, 1): 1,
            date(2025, 12, 31): 1,
            date(2027, 12, 31): 1,
        },
        "bolt-1": {},
    }
    assert examined.places == {
        "acme-1": (str(path), 6, 5, "trunks[0]"),
        "bolt-1": (str(path), 24, 5, "trunks[1]"),
    }


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param("id: acme-1", "id: acme 1", ["3:9: trunks[0].id: 'acme 1' is no name; 1 to 64 letters (A–Z, a–z), digits, and . _ -"], id="id"),
        pytest.param("id: acme-1", "id: core", ["3:9: trunks[0].id: the name 'core' is reserved"], id="reserved"),
        pytest.param("id: acme-1", "id: bolt-1", ["7:9: trunks[1].id: the id 'bolt-1' is taken by trunks[0]"], id="trunk-twice"),
        pytest.param("{id: bolt,", "{id: acme,", ["1:42: customers[1].id: the id 'acme' is taken by customers[0]", "8:15: trunks[1].customer: there is no customer 'bolt'"], id="customer-twice"),
        pytest.param("customer: acme", "customer: acne", ["4:15: trunks[0].customer: there is no customer 'acne', did you mean 'acme'?"], id="no-customer"),
        pytest.param("192.0.2.1/32", "192.0.2.1/24", ["5:15: trunks[0].sources[0]: '192.0.2.1/24' has bits set behind the prefix; write 192.0.2.1/32 for the one address or 192.0.2.0/24 for the network"], id="bits"),
        pytest.param("192.0.2.1/32", "192.0.2.0/24", ["9:15: trunks[1].sources[0]: 192.0.2.2/32 overlaps 192.0.2.0/24 of trunk acme-1; two trunks behind one address need different tgrp"], id="sources-inside"),
        pytest.param("192.0.2.2/32", "192.0.2.1/32", ["9:15: trunks[1].sources[0]: 192.0.2.1/32 overlaps 192.0.2.1/32 of trunk acme-1; two trunks behind one address need different tgrp"], id="sources-equal"),
        pytest.param('last: "+862488880099"', 'last: "+862488879999"', ["6:19: trunks[0].allocations[0]: the last number lies before the first (+862488880000)"], id="backwards"),
        pytest.param('first: "+862488880000"', 'first: "02488880000"', ["6:27: trunks[0].allocations[0].first: '02488880000' is no number in E.164 form: + and 3 to 18 digits, the first not 0"], id="national"),
        pytest.param('number: "+862166660000"', "number: +862166660000", [], id="unquoted-plus-is-text"),
        pytest.param('number: "+862166660000"', "number: 862166660000", ['10:28: trunks[1].allocations[0].number: must be text; write it in quotes: "862166660000"'], id="unquoted-digits"),
        pytest.param('number: "+862166660000"', 'numer: "+862166660000"', ["10:20: trunks[1].allocations[0].numer: unknown key, did you mean 'number'?"], id="misspelt"),
        pytest.param('number: "+862166660000"', 'number: "+862488880050"', ["2:1: trunks: +862488880050 to +862488880050 is allocated to two customers at once: acme and bolt"], id="overlap"),
        pytest.param('number: "+862166660000"', "csv: ../n.csv", ["10:25: trunks[1].allocations[0].csv: '../n.csv' must be a relative path below the directory file, without .."], id="csv-outside"),
        pytest.param('number: "+862166660000"', "csv: /etc/n.csv", ["10:25: trunks[1].allocations[0].csv: '/etc/n.csv' must be a relative path below the directory file, without .."], id="csv-absolute"),
        pytest.param('number: "+862166660000"', "csv: a/../../n.csv", ["10:25: trunks[1].allocations[0].csv: 'a/../../n.csv' must be a relative path below the directory file, without .."], id="csv-around"),
        pytest.param('number: "+862166660000"', 'csv: ""', ["10:25: trunks[1].allocations[0].csv: '' must be a relative path below the directory file, without .."], id="csv-nowhere"),
        pytest.param("customer: bolt", 'customer: bolt\n    pilot_number: "+862166669999"', ["9:19: trunks[1].pilot_number: +862166669999 is not among the allocations of this trunk"], id="pilot"),
        pytest.param("customer: bolt", 'customer: bolt\n    pilot_number: "+862488880000"', ["9:19: trunks[1].pilot_number: +862488880000 is not among the allocations of this trunk"], id="pilot-of-another"),
        pytest.param("customer: bolt", 'customer: bolt\n    gateway: ["sip:pbx..example.net"]', ["9:15: trunks[1].gateway[0]: 'pbx..example.net' is neither an IP address nor a DNS name"], id="gateway"),
        pytest.param("customer: bolt", "customer: bolt\n    policy: {caller.mising: {action: tag}}", ["9:14: trunks[1].policy.caller.mising: there is no rule or rule family 'caller.mising', did you mean 'caller.missing'?"], id="policy"),
        pytest.param("customer: bolt", "customer: bolt\n    valid: {from: 2026-02-01, to: 2026-01-01}", ["9:12: trunks[1].valid: ends before it begins (2026-02-01)"], id="period"),
        pytest.param("customer: bolt", "customer: bolt\n    dial_plan: {area: 0571}", ["9:23: trunks[1].dial_plan.area: '0571' is no area code: up to 6 digits without the leading 0"], id="area"),
        pytest.param("customer: bolt", 'customer: bolt\n    dial_plan: {prefixes: {x: "+86"}}', ["9:28: trunks[1].dial_plan.prefixes.x: 'x' is nothing that one dials: up to 15 of 0-9 * #, perhaps + before them"], id="dialled-prefix"),
        pytest.param("customer: bolt", "customer: bolt\n    wings: [a]", ["9:5: trunks[1].wings: unknown key"], id="not-enforced"),
        pytest.param('[{number: "+862166660000"}]', '"+862166660000"', ["10:18: trunks[1].allocations: must be a list"], id="allocations-no-list"),
        pytest.param("  - id: bolt-1", "  - bolt\n  - id: bolt-1", ["7:5: trunks[1]: must be a mapping (key: value)"], id="trunk-no-mapping"),
        pytest.param("customers:", "customer:", ["1:1: customers: is missing", "1:1: customer: unknown key, did you mean 'customers'?", "4:15: trunks[0].customer: there is no customer 'acme'", "8:15: trunks[1].customer: there is no customer 'bolt'"], id="no-customers"),
    ],
)  # fmt: skip
def test_problems(old: str, new: str, expected: list[str], tmp_path: Path) -> None:
    written = HEAD + ACME + BOLT
    assert old in written
    written = written.replace(old, new, 1)
    if expected:
        assert complaints(tmp_path, written) == [f"d.yaml:{each}" for each in expected]
    else:
        assert loaded(tmp_path, written).trunks


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("", "d.yaml: is empty", id="empty"),
        pytest.param("customers: []\ntrunks: []\n", "d.yaml:2:9: trunks: there is no trunk; an empty directory would stop every call", id="no-trunk"),
        pytest.param("customers: []\ntrunks:\n", "d.yaml:2:8: trunks: has no value", id="trunks-without-value"),
        pytest.param("customers: []\n", "d.yaml:1:1: trunks: is missing", id="no-trunks"),
        pytest.param("- a\n", "d.yaml:1:1: must be a mapping (key: value)", id="list"),
        pytest.param("a: [\n", "d.yaml:2:1: is no YAML: ", id="no-yaml"),
    ],
)  # fmt: skip
def test_no_directory_at_all(written: str, expected: str, tmp_path: Path) -> None:
    (problem,) = complaints(tmp_path, written)
    assert problem == expected or (expected.endswith(" YAML: ") and problem.startswith(expected))


def test_every_problem_of_every_file_at_once(tmp_path: Path) -> None:
    written = (
        HEAD.replace("state:", "stat:")
        + ACME.replace("role", "rol").replace("192.0.2.1/32", "192.0.2.300")
        + BOLT.replace('{number: "+862166660000"}', "{number: x}, {csv: a.csv}, {csv: none.csv}")
    )
    assert complaints(tmp_path, written, {"a.csv": "first\n+862166660001\n021\n"}) == [
        "d.yaml:1:48: customers[1].stat: unknown key, did you mean 'state'?",
        "d.yaml:5:15: trunks[0].sources[0]: '192.0.2.300' is no network; write 198.51.100.7/32 or 2001:db8::/48",
        "d.yaml:10:28: trunks[1].allocations[0].number: 'x' is no number in E.164 form: + and 3 to 18 digits, the first not 0",
        "a.csv:3:1: first: '021' is no number in E.164 form: + and 3 to 18 digits, the first not 0",
        "none.csv: cannot be read: No such file or directory",
    ]  # fmt: skip


def test_many_problems_end_with_their_number(tmp_path: Path) -> None:
    broken = "".join(f"  - {{id: t{n}, customer: nobody}}\n" for n in range(250))
    found = complaints(tmp_path, HEAD + broken)
    assert len(found) == 101
    assert found[-1] == "150 more problems"


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("tgrp: b", id="different-trunk-groups"),
        pytest.param("tgrp: c", id="no-trunk-group-on-one-side"),
    ],
)
def test_trunks_behind_one_address_are_told_apart_by_trunk_group(more: str, tmp_path: Path) -> None:
    bolt = BOLT.replace("192.0.2.2", "192.0.2.1").replace("customer: bolt", f"customer: bolt\n    {more}")
    assert len(loaded(tmp_path, HEAD + ACME + bolt).at("192.0.2.1")) == 2


def test_networks_of_one_trunk_may_overlap(tmp_path: Path) -> None:
    acme = ACME.replace('"192.0.2.1/32"', '"192.0.2.128/25", "192.0.2.129/32", "::/64", "::1"')
    assert len(loaded(tmp_path, HEAD + acme + BOLT).at("192.0.2.129")) == 1


def test_trunks_of_one_customer_may_share_numbers(tmp_path: Path) -> None:
    second = ACME.replace("acme-1", "acme-2").replace("192.0.2.1", "192.0.2.9")
    assert loaded(tmp_path, HEAD + ACME + second).total == 100


def test_one_number_may_pass_from_one_customer_to_the_other(tmp_path: Path) -> None:
    acme = ACME.replace("[{first", "[{valid_to: 2026-01-31, first")
    bolt = BOLT.replace('"+862166660000"', '"+862488880000", valid_from: 2026-02-01')
    directory = loaded(tmp_path, HEAD + acme + bolt)
    owners = [directory.owner("+862488880000", day) for day in (date(2026, 1, 31), date(2026, 2, 1))]
    assert [owner.id if owner else "" for owner in owners] == ["acme-1", "bolt-1"]


@pytest.mark.parametrize(
    ("old", "new", "share", "too_far"),
    [
        pytest.param(100, 80, 0.2, False, id="exactly-the-share"),
        pytest.param(100, 79, 0.2, True, id="one-more"),
        pytest.param(100, 150, 0.2, False, id="more-numbers"),
        pytest.param(100, 0, 1.0, False, id="everything-allowed"),
        pytest.param(100, 99, 0.0, True, id="nothing-allowed"),
        pytest.param(0, 0, 0.0, False, id="none-before"),
        pytest.param(10**15, 10**15 - 1, 0.0, True, id="prefixes-count-many"),
    ],
)
def test_shrinks_too_far(old: int, new: int, share: float, too_far: bool) -> None:
    assert shrinks_too_far(old, new, share) is too_far


def test_the_shipped_directory(root: Path) -> None:
    directory = load_directory(root / "config" / "directory.yaml", country="86", emergency=EMERGENCY, rules=RULES)
    assert directory.allocated("acme-1", "+862488880099", TODAY)
    assert directory.allocated("acme-1", "+864008001234", TODAY)
    assert directory.allocated("acme-1", "+862488881499", TODAY)
    assert not directory.allocated("acme-1", "+862488880100", TODAY)
