"""The judge: facts gathered, a verdict given, and what the call carries on."""

from __future__ import annotations

import asyncio
from array import array
from dataclasses import replace
from typing import Any

import pytest

from proxy.call.directory import Directory
from proxy.call.model import Call, Load
from proxy.call.trunk import Action, Mode, RuleAction, TrunkLimits
from proxy.checks.base import UNMARKED, Outcome, Verdict
from proxy.checks.policy import effective
from proxy.sources.judge import OFF, Judge, Rules
from proxy.sources.signing import Authentication
from stirshaken import identity, passport
from stirshaken.sign import Signer
from tests.checks.calls import TODAY, call, facts, trunk
from tests.checks.signed import signed, terms
from tests.sources.identity import Clock, Web, verifier
from tests.stirshaken.scene import CALLED, GOOD, STALE, X5U, party

SPOOFED = call(caller="<sip:+862477770000@h>;tag=a")


def rules(mode: Mode = "block", policy: dict[str, RuleAction] | None = None, **more: Any) -> Rules:
    asked = terms(**more)
    return Rules(effective(policy or {}, {}, asked.on_error or "pass"), asked, mode)


def judge(web: Web | None = None, default: Rules | None = None, **more: Any) -> Judge:
    """A judge that verifies and signs; `more` are rules by trunk (with _ for -), or parts of the judge."""
    clock = Clock()
    by_trunk = {name.replace("_", "-"): each for name, each in more.items() if isinstance(each, Rules)}
    parts = {name: each for name, each in more.items() if not isinstance(each, Rules)}
    made = {"verifier": verifier(web or Web(), clock), "signer": Authentication(Signer(party().holder.key, X5U), "709J", clock)}  # fmt: skip
    return Judge(
        parts.pop("directory", facts().directory),
        by_trunk,
        default or Rules(effective({}, {}), OFF, "block"),
        lambda: TODAY,
        **{**made, **parts},
    )


def asked(made: Judge, of: Call) -> Verdict:
    async def both() -> Verdict:
        return made.at_once(of) or await made.in_time(of)

    return asyncio.run(both())


def test_a_fact_in_memory_costs_no_wait() -> None:
    async def script() -> None:
        made = judge(peer_1=rules())
        assert made.at_once(signed(GOOD)) is None
        assert (await made.in_time(signed(GOOD))).action == "pass"
        assert made.at_once(signed(GOOD)) is not None
        assert made.at_once(call()) is not None
        assert made.at_once(replace(signed(party().value(x5u="https://dead.example/")), emergency=True)) is not None

    asyncio.run(script())


@pytest.mark.parametrize(
    ("call_", "of", "action", "verstat", "attestation"),
    [
        pytest.param(call(), rules(), "pass", "", "A", id="own"),
        pytest.param(call(), rules(verify="off"), "pass", "", "A", id="own-not-verified"),
        pytest.param(call(), rules(sign=False), "pass", "", "", id="own-not-signed"),
        pytest.param(SPOOFED, rules(), "reject", "", "", id="rejected"),
        pytest.param(SPOOFED, rules("monitor"), "reject", "", "B", id="would-be-rejected"),
        pytest.param(SPOOFED, rules(policy={"caller": RuleAction("tag")}), "pass", "", "B", id="tagged"),
        pytest.param(signed(GOOD), rules(verify="required"), "pass", "TN-Validation-Passed", "", id="peer"),
        pytest.param(signed(), rules(), "pass", "No-TN-Validation", "C", id="gateway"),
        pytest.param(signed(), rules(verify="required"), "reject", "", "", id="peer-without"),
        pytest.param(signed(), rules("monitor", verify="required"), "reject", "TN-Validation-Failed", "C", id="peer-without-monitored"),
        pytest.param(signed(STALE), rules("monitor"), "reject", "TN-Validation-Failed", "", id="peer-stale-monitored"),
        pytest.param(signed(GOOD), rules(min_attestation="A"), "pass", "TN-Validation-Passed", "", id="enough"),
        pytest.param(signed(party().value({"attest": "C"})), rules(min_attestation="B"), "reject", "", "", id="not-enough"),
        pytest.param(replace(signed(STALE), emergency=True), rules(verify="required"), "pass", "TN-Validation-Failed", "", id="emergency"),
        pytest.param(call(on=trunk(role="core")), rules(verify="required"), "pass", "", "", id="core"),
    ],
)  # fmt: skip
def test_verdict_and_marks(call_: Call, of: Rules, action: str, verstat: str, attestation: str) -> None:
    made = asked(judge(acme_1=of, peer_1=of), call_)
    assert (made.action, made.marks.verstat, made.marks.attestation) == (action, verstat, attestation)
    assert [name for name, _ in made.marks.fields] == (["Date", "Identity"] if attestation else [])


def test_a_trunk_that_is_gone_is_neither_verified_nor_signed() -> None:
    web = Web()
    made = asked(judge(web), signed(STALE))
    assert (made.action, made.marks, web.asked) == ("pass", UNMARKED, [])


def test_verstat_can_be_left_out() -> None:
    assert asked(judge(peer_1=rules(sign=False), tells=False), signed(GOOD)).marks is UNMARKED


def test_without_an_anchor_nothing_is_proved() -> None:
    made = asked(judge(peer_1=rules("monitor", verify="required"), verifier=None), signed(STALE))
    outcome = dict(made.results)["identity"]
    assert (made.action, outcome.outcome, made.marks.verstat) == ("pass", Outcome.UNAVAILABLE, "No-TN-Validation")


@pytest.mark.parametrize(("on_error", "action"), [("pass", "pass"), ("reject", "reject")])
def test_a_certificate_that_cannot_be_had(on_error: str, action: str) -> None:
    made = asked(judge(Web({}), peer_1=rules(verify="required", on_error=on_error)), signed(GOOD))
    assert (made.action, [finding.rule for finding in made.findings]) == (action, ["identity.unreachable"])


@pytest.mark.parametrize(
    ("of", "fetches"),
    [
        pytest.param(rules(), 0, id="block"),
        pytest.param(rules("monitor"), 1, id="monitor"),
        pytest.param(rules(policy={"traffic": RuleAction("tag")}), 1, id="tagged"),
    ],
)
def test_a_call_that_its_trunk_has_no_room_for_costs_no_fetching(of: Rules, fetches: int) -> None:
    web = Web()
    full = replace(signed(GOOD, on=trunk(id="peer-1", role="peer", limits=TrunkLimits(1))), load=Load(0, too_fast=True))
    made = asked(judge(web, peer_1=of), full)
    assert ([finding.rule for finding in made.findings], len(web.asked)) == (["traffic.rate"], fetches)


def test_a_diversion_is_marked_as_one() -> None:
    on = trunk(screening="asserted")
    fields = ("P-Asserted-Identity: <tel:+862488880001>", "Diversion: <tel:+862488880009>")
    token = party().value({"dest": {"tn": ["862488880009"]}})
    made = asked(judge(acme_1=rules()), signed(token, fields=fields, on=on, to="sip:13800138000@h"))
    assert (made.action, made.marks.attestation) == ("pass", "")
    assert dict(made.marks.fields)["Identity"].endswith(";ppt=div")
    foreign = asked(judge(acme_1=rules("monitor")), signed(GOOD, fields=fields, on=on, to=f"sip:+{CALLED.value}@h"))
    assert dict(foreign.marks.fields)["Identity"].endswith(";ppt=shaken")  # the token is not for who diverts


class Broken:
    """A service with a defect."""

    def at_once(self, *_: object) -> None:
        raise RuntimeError("a defect")

    async def in_time(self, *_: object) -> None:
        raise RuntimeError("a defect")


def test_a_defect_of_the_verification_decides_no_call() -> None:
    made = judge(peer_1=rules(verify="required"), verifier=Broken())
    for found in (made.at_once(signed(GOOD)), asyncio.run(made.in_time(signed(GOOD)))):
        assert found is not None
        assert (found.action, dict(found.results)["identity"].outcome) == ("pass", Outcome.UNAVAILABLE)


def test_a_broken_directory_decides_no_call() -> None:
    torn = Directory({}, {}, array("Q", [0]), array("Q"), array("I"), ())  # its arrays are torn
    made = judge(acme_1=rules(), directory=torn)
    found = asked(made, signed(GOOD, fields=("Diversion: <tel:+862488880009>",), on=trunk()))
    assert (found.action, found.marks) == ("pass", UNMARKED)


def test_a_replay_is_found_and_a_retry_is_not() -> None:
    async def script() -> None:
        made = judge(peer_1=rules())
        first = signed(GOOD)
        assert [each.action for each in (await made.in_time(first), await made.in_time(first))] == ["pass", "pass"]
        again = await made.in_time(replace(first, call_id="another"))
        assert (again.action, again.answer.status if again.answer else 0) == ("reject", 438)
        assert [finding.rule for finding in again.findings] == ["identity.replayed"]

    asyncio.run(script())


@pytest.mark.parametrize(
    ("shows", "fields", "level"),
    [(True, (), "A"), (False, (), "B"), (False, ("P-Asserted-Identity: <sip:1@h>",), "B")],
    ids=["From too", "From shows a false number", "the same behind a false PAI"],
)
def test_who_leaves_is_who_is_signed(shows: bool, fields: tuple[str, ...], level: str) -> None:
    own = trunk(pilot_number="+862488880000")
    policy = effective({"caller": RuleAction("replace")}, {})
    made = asked(
        judge(acme_1=Rules(policy, terms(), "block", shows)),
        call(*fields, caller="<sip:+862477770000@h>;tag=a", on=own),
    )
    assert (made.action, made.enforced, made.marks.attestation) == ("replace", True, level)
    assert made.marks.replacement is not None
    token = passport.decode(identity.parse(dict(made.marks.fields)["Identity"].encode()).token)
    assert token.orig.value == "862488880000"


def test_a_call_that_would_be_replaced_is_signed_as_it_goes_on() -> None:
    own = trunk(pilot_number="+862488880000")
    policy = effective({"caller": RuleAction("replace")}, {})
    made = asked(judge(acme_1=Rules(policy, terms(), "monitor")), call(caller="<sip:+862477770000@h>;tag=a", on=own))
    assert (made.action, made.enforced, made.marks.attestation, made.marks.replacement) == ("replace", False, "B", None)


@pytest.mark.parametrize(("action", "found"), [("ignore", []), ("tag", ["callee.no_consent"])])
def test_consents_are_asked_for_where_the_policy_does(action: Action, found: list[str]) -> None:
    made = judge(acme_1=rules(policy={"callee.no_consent": RuleAction(action)}))
    assert [item.rule for item in asked(made, call()).findings] == found
