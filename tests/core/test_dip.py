"""An SBC that only asks: the verdict as 302 with what the call is to carry on, or as the rejection."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.call.directory import Directory, DirectoryBuilder
from proxy.call.trunk import Customer, DialPlan, Trunk
from proxy.checks.base import Marks, Replacement, Verdict
from proxy.core.actions import Address
from tests.story import PASS, REJECT, WOULD_REJECT, Story, field, network, request

SBC: Address = ("127.0.0.7", 5070)
PLAN = DialPlan(country="86", area="24")


def directory(**changes: object) -> Directory:
    """An SBC that asks for acme-1 (group a), peer-1, and the two trunks of group twice."""
    builder = DirectoryBuilder()
    asks: dict[str, object] = {"id": "sbc", "customer": Customer("own"), "role": "dip", "sources": ("127.0.0.7/32",)}
    builder.add_trunk(Trunk(**(asks | changes)))  # type: ignore[arg-type]
    builder.add_trunk(Trunk("acme-1", Customer("acme"), tgrp="a", dial_plan=PLAN))
    builder.add_trunk(Trunk("peer-1", Customer("peer"), role="peer"))
    for name in ("x-1", "x-2"):
        builder.add_trunk(Trunk(name, Customer("x"), tgrp="twice"))
    builder.add("acme-1", "+862488880000", "+862488880099", None, None, "service", "")
    return builder.build()


def asking(*fields: str, uri: str = "sip:13800138000@10.0.0.1", caller: str = "<sip:02488880001@h>;tag=a") -> bytes:
    via = "SIP/2.0/UDP 127.0.0.7:5070;branch=z9hG4bK-d"
    return request("INVITE", uri, via=via, caller=caller, fields=fields or ("X-Trunkward-Trunk: acme-1",))


def told(verdict: Verdict, data: bytes | None = None) -> bytes:
    """The answer to a question."""
    story = Story(network(directory()))
    ticket = story.hears(data or asking(), SBC).trying().asks().ticket
    answer = story.told(ticket, verdict).sends("SIP/2.0 ", SBC)
    decided, ended = story.decides(), story.ends()
    status = int(answer[8:11])
    assert (decided.status, ended.status, ended.answered, ended.ended_by) == (status, status, False, "proxy")
    story.hears(request("ACK", to=field(answer, "To")[0], via=field(answer, "Via")[0]), SBC)
    story.quiet().after(40.0).forgotten()
    return answer


def test_a_call_that_passes_is_redirected_to_where_it_goes() -> None:
    marks = Marks((("Date", "today"), ("Identity", "token")), attestation="A")
    answer = told(replace(PASS, marks=marks))

    assert answer.startswith(b"SIP/2.0 302 Moved Temporarily\r\n")
    assert field(answer, "Contact") == ["<sip:13800138000@10.0.0.1>"]
    assert (field(answer, "Identity"), field(answer, "Date")) == (["token"], ["today"])
    assert [field(answer, name) for name in ("P-Asserted-Identity", "Record-Route", "Reason")] == [[], [], []]


def test_a_target_that_is_this_node_becomes_the_sbc() -> None:
    answer = told(PASS, asking(uri="sip:13800138000@127.0.0.1:5060;user=phone"))
    assert field(answer, "Contact") == ["<sip:13800138000@127.0.0.7:5070;user=phone>"]


@pytest.mark.parametrize(
    ("fields", "caller", "said"),
    [
        (("P-Asserted-Identity: <sip:1234567@h>;x=1",), "<sip:9@h>;tag=a", ["<sip:1234567;verstat=V@h>;x=1"]),
        (("P-Asserted-Identity: <sip:1;verstat=TN-Validation-Passed@h>",), "<sip:9@h>;tag=a", ["<sip:1;verstat=V@h>"]),
        ((), '"Bob" <sip:1234567@h>;tag=a', ["<sip:1234567;verstat=V@h>"]),
        ((), "<sip:anonymous@anonymous.invalid>;tag=a", []),
    ],
)
def test_what_is_known_of_the_number(fields: tuple[str, ...], caller: str, said: list[str]) -> None:
    marked = replace(PASS, marks=Marks(verstat="V"), advice="STIR;cause=438")
    answer = told(marked, asking("X-Trunkward-Trunk: peer-1", *fields, caller=caller))
    assert (field(answer, "P-Asserted-Identity"), field(answer, "Reason")) == (said, ["STIR;cause=438"])


def test_another_caller() -> None:
    given = Replacement("+862488880000", caller=True, shown=True, diverted=True, hidden=True)
    answer = told(replace(PASS, action="replace", marks=Marks(replacement=given)))
    sent = "<sip:+862488880000@127.0.0.1;user=phone>"
    assert (field(answer, "P-Asserted-Identity"), field(answer, "Privacy")) == ([sent], ["id"])
    assert (field(answer, "Diversion"), field(answer, "From")) == ([f"{sent};reason=unknown"], ["<sip:02488880001@h>;tag=a"])  # fmt: skip


def test_a_rejection_and_one_that_is_not_enforced() -> None:
    answer = told(REJECT)
    assert answer.startswith(b"SIP/2.0 403 Forbidden\r\n")
    assert (field(answer, "Reason"), field(answer, "Contact")) == (['Q.850;cause=21;text="caller.not_allocated"'], [])
    assert told(WOULD_REJECT).startswith(b"SIP/2.0 302 ")


@pytest.mark.parametrize(
    ("fields", "trunk"),
    [
        (("X-Trunkward-Trunk: acme-1",), "acme-1"),
        (("x-trunkward-trunk :  peer-1 ",), "peer-1"),
        (("Contact: <sip:1;tgrp=a;trunk-context=h@h>",), "acme-1"),
        (("Contact: <sip:1;tgrp=peer-1;trunk-context=h@h>",), "peer-1"),
        (("Contact: <sip:1;tgrp=a@h>", "X-Trunkward-Trunk: peer-1"), "peer-1"),
    ],
)
def test_whose_call_it_is(fields: tuple[str, ...], trunk: str) -> None:
    asked = Story(network(directory())).hears(asking(*fields), SBC).trying().asks()
    assert (asked.call.trunk.id, asked.call.source) == (trunk, "127.0.0.7:5070")


@pytest.mark.parametrize(
    "fields",
    [
        ("Subject: none",),
        ("X-Trunkward-Trunk: nobody",),
        ("X-Trunkward-Trunk: sbc",),
        ("X-Trunkward-Trunk: acme-1", "X-Trunkward-Trunk: acme-1"),
        ("X-Trunkward-Trunk: acme-1", "X-Trunkward-Trunk: peer-1", "Contact: <sip:1;tgrp=a@h>"),
        ("X-Trunkward-Trunk:", "Contact: <sip:1;tgrp=a@h>"),
        ("Contact: <sip:1;tgrp=twice@h>",),
    ],
)
def test_nobodys_call_is_refused(fields: tuple[str, ...]) -> None:
    story = Story(network(directory()))
    story.hears(asking(*fields), SBC).sends("SIP/2.0 403", SBC)
    story.refuses()
    story.quiet()


def test_who_may_not_ask_any_more() -> None:
    story = Story(network(directory(suspended=True)))
    story.hears(asking(), SBC).sends("SIP/2.0 403", SBC)


@pytest.mark.parametrize("fields", [("X-Trunkward-Trunk: acme-1",), ("Subject: none",)])
def test_emergency_calls_go_on_before_any_question(fields: tuple[str, ...]) -> None:
    story = Story(network(directory()))
    story.hears(asking(*fields, uri="sip:110@10.0.0.1"), SBC).trying()
    assert field(story.sends("SIP/2.0 302", SBC), "Contact") == ["<sip:110@10.0.0.1>"]
    ticket = story.asks().ticket
    story.told(ticket, REJECT)
    assert (story.decides().status, story.ends().status) == (302, 302)
    story.quiet()


def test_without_a_verdict_there_is_one_answer() -> None:
    for uri, status in (("sip:110@10.0.0.1", ""), ("sip:13800138000@10.0.0.1", "SIP/2.0 500")):
        story = Story(network(directory()))
        story.hears(asking(uri=uri), SBC).trying()
        if not status:
            story.sends("SIP/2.0 302")
        story.pending += story.core.unjudged(story.asks().ticket, story.now)
        if status:
            story.sends(status)
        story.quiet()
        assert not story.core.active_calls["acme-1"]


def test_what_comes_again_and_what_is_given_up() -> None:
    story = Story(network(directory()))
    ticket = story.hears(asking(), SBC).trying().asks().ticket
    story.hears(asking(), SBC).sends("SIP/2.0 100", SBC)
    cancel = request("CANCEL", "sip:13800138000@10.0.0.1", via="SIP/2.0/UDP 127.0.0.7:5070;branch=z9hG4bK-d", caller="<sip:02488880001@h>;tag=a")  # fmt: skip
    story.hears(cancel, SBC).sends("SIP/2.0 200", SBC)
    story.sends("SIP/2.0 487", SBC)
    story.told(ticket, PASS)
    assert (story.decides().status, story.ends().ended_by) == (487, "caller")
    story.quiet()


@pytest.mark.parametrize(
    ("method", "to", "status"),
    [
        ("OPTIONS", "<sip:1@h>", 200),
        ("MESSAGE", "<sip:1@h>", 405),
        ("BYE", "<sip:1@h>;tag=x", 481),
        ("CANCEL", "<sip:1@h>", 481),
    ],
)
def test_nothing_else_goes_anywhere(method: str, to: str, status: int) -> None:
    story = Story(network(directory()))
    via = "SIP/2.0/UDP 127.0.0.7:5070;branch=z9hG4bK-o"
    story.hears(request(method, "sip:1@10.0.0.1", to=to, via=via), SBC).sends(f"SIP/2.0 {status}", SBC)
    story.quiet()


def test_a_durable_answer_waits_for_its_record() -> None:
    story = Story(network(directory()), durable=True)
    story.told(story.hears(asking(), SBC).trying().asks().ticket, replace(PASS, marks=Marks((("Identity", "token"),))))
    kept = story.commits()
    story.after(1.0).quiet()
    answer = story.recorded(kept.ticket).sends("SIP/2.0 302", SBC)
    assert (field(answer, "Identity"), kept.report.status, story.ends().status) == (["token"], 302, 302)
