"""A call that passes the node twice: trunk, softswitch that is a proxy (one Call-ID, one tag), another trunk."""

from __future__ import annotations

import re

from proxy.call.directory import DirectoryBuilder
from proxy.call.trunk import Customer, DialPlan, Trunk
from proxy.core.actions import Ended
from proxy.core.proxy import Network
from tests.story import CORE, PASS, TRUNK, Story, field, hops, network, request, response

OTHER = ("127.0.0.3", 5060)
URI = "sip:02477770001@127.0.0.1:5060"


def two_trunks() -> Network:
    builder = DirectoryBuilder()
    for name, ip, first in (("acme-1", "127.0.0.2", "+8624888800"), ("beta-1", "127.0.0.3", "+8624777700")):
        plan = DialPlan(country="86", area="24")
        builder.add_trunk(Trunk(name, Customer(name), sources=(f"{ip}/32",), gateway=(f"sip:{ip}",), dial_plan=plan))
        builder.add(name, first + "00", first + "99")
    whole = network(builder.build())
    return Network(whole.place, whole.admission, whole.next_hops, {"acme-1": hops(TRUNK), "beta-1": hops(OTHER)})


def returned(sent: bytes) -> bytes:
    """What the softswitch makes of an INVITE for a number that is reached by the node: its Via, the node's address."""
    via = b"\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-core\r\nRecord-Route: <sip:127.0.0.1:5080;lr>\r\nVia"
    return sent.replace(b"\r\nVia", via, 1).replace(b"@127.0.0.1:5080 SIP", b"@127.0.0.1:5060 SIP")


def set_up(story: Story) -> tuple[bytes, bytes]:
    """Both legs are set up; returns the INVITE as the second trunk gets it, and the 200 as the first one does."""
    first = story.passes(request("INVITE", URI, fields=("Contact: <sip:pbx@127.0.0.2:5060>",)))
    second = story.passes(returned(first), CORE)
    story.hears(response(second, "200 OK", fields=("Contact: <sip:b@127.0.0.3:5060>",)), OTHER)
    answer = story.sends("SIP/2.0 200", CORE)
    story.hears(re.sub(rb"Via: [^\r]*z9hG4bK-core[^\r]*\r\n", b"", answer), CORE)
    return second, story.sends("SIP/2.0 200", TRUNK)


def test_both_legs_are_calls() -> None:
    story = Story(two_trunks())
    second, answer = set_up(story)

    assert dict(story.core.active_calls) == {"acme-1": 1, "core": 1}
    cookies = [value.partition(";tw=")[2] for value in field(second, "Record-Route") if ";tw=" in value]
    assert len(set(cookies)) == 2
    assert field(answer, "Record-Route") == field(second, "Record-Route")
    story.quiet()


def test_a_bye_ends_both() -> None:
    story = Story(two_trunks())
    _, answer = set_up(story)
    routes = list(reversed(field(answer, "Record-Route")))
    bye = request(
        "BYE",
        "sip:b@127.0.0.3:5060",
        via="SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK-2",
        to=field(answer, "To")[0],
        cseq=2,
        fields=tuple(f"Route: {route}" for route in routes),
    )
    passed = story.hears(bye).sends("BYE sip:b@127.0.0.3:5060", CORE)
    via = b"\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-bye\r\nVia"
    onward = passed.replace(b"Route: <sip:127.0.0.1:5080;lr>\r\n", b"", 1).replace(b"\r\nVia", via, 1)
    last = story.hears(onward, CORE).sends("BYE sip:b@127.0.0.3:5060", OTHER)
    assert field(last, "Route") == []
    story.hears(response(last, "200 OK"), OTHER).sends("SIP/2.0 200", CORE)
    ended = [story.ends()]
    story.hears(response(passed, "200 OK"), CORE).sends("SIP/2.0 200", TRUNK)
    ended.append(story.ends())

    assert [(end.call.trunk.id, end.ended_by, end.answered) for end in ended] == [
        ("core", "caller", True),
        ("acme-1", "caller", True),
    ]
    story.quiet().after(40).forgotten()


def test_a_second_call_with_the_same_call_id_ends_nothing() -> None:
    story = Story(two_trunks())
    set_up(story)
    again = request("INVITE", URI, via="SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK-x", cseq=7)
    story.told(story.hears(again).trying().asks().ticket, PASS)
    assert not any(isinstance(action, Ended) for action in story.pending)
    assert story.core.active_calls["acme-1"] == 2


def test_an_invite_repeated_after_its_transaction_makes_no_second_call() -> None:
    story = Story(two_trunks())
    invite = request("INVITE", URI)
    sent = story.passes(invite)
    story.hears(response(sent, "200 OK"), CORE).sends("SIP/2.0 200")
    story.after(40.0)
    story.hears(invite).sends("SIP/2.0 482")
    assert story.core.active_calls["acme-1"] == 1
