"""Where next hops are placed: names among addresses, by priority and weight, for the transports that are spoken."""

from __future__ import annotations

import pytest

from proxy.call.directory import Directory
from proxy.core.place import Listener
from proxy.settings.kinds import Destination
from proxy.settings.model import Settings
from proxy.sources.names import SHARE, Found
from proxy.sources.placing import peer_names, placed, wanted
from tests.settings.test_model import LEAST
from tests.story import directory

LISTENERS = (
    Listener(0, "udp", "203.0.113.5", 5060, ("10.0.0.77", 5060)),
    Listener(1, "tls", "10.0.0.77", 5061, ("10.0.0.77", 5061), "tls"),
)
NAME, OTHER = Destination("carrier.example.com", 0), Destination("gw.example.com", 5070)
SECURE = Destination("gw.example.com", 0, "tls")
KNOWN = {
    NAME: (Found(("10.0.0.1", 5060), 5, SHARE // 4), Found(("10.0.0.2", 5060), 5, SHARE * 3 // 4), Found(("10.0.0.3", 5060), 9, 0)),
    OTHER: (Found(("10.0.0.9", 5070), 0, SHARE),),
    SECURE: (Found(("10.0.0.9", 5061), 0, SHARE, "tls"), Found(("10.0.0.8", 5060), 0, SHARE, "tcp"), Found(("::9", 5061), 0, SHARE, "tls")),
}  # fmt: skip


@pytest.mark.parametrize(
    ("hops", "expected"),
    [
        pytest.param(
            [("sip:carrier.example.com", 1, 2), ("sip:192.0.2.1", 1, 2), ("sip:gw.example.com:5070", 2, 1)],
            # the best of SRV stands beside what has the same priority here, the others between it and the next one
            [("10.0.0.1", 0, SHARE // 2), ("10.0.0.2", 0, SHARE * 3 // 2), ("10.0.0.3", 1, 0), ("192.0.2.1", 0, 2 * SHARE), ("10.0.0.9", 2, SHARE)],
            id="names and addresses",
        ),
        pytest.param([("sip:192.0.2.1", 7, 3), ("sip:192.0.2.1", 9, 9)], [("192.0.2.1", 7, 3)], id="addresses alone"),
        pytest.param([("sip:unknown.example.com", 1, 1)], [], id="a name that has not been found"),
        pytest.param([("sip:10.0.0.1", 1, 1), ("sip:carrier.example.com", 2, 1)], [("10.0.0.1", 0, SHARE), ("10.0.0.2", 1, SHARE * 3 // 4), ("10.0.0.3", 2, 0)], id="an address twice"),
        pytest.param([("sips:gw.example.com", 1, 1)], [("10.0.0.9", 0, SHARE)], id="what no listener reaches is left out"),
    ],
)  # fmt: skip
def test_where_names_are_placed(hops: list[tuple[str, int, int]], expected: list[tuple[str, int, int]]) -> None:
    assert [(each.address[0], each.priority, each.weight) for each in placed(hops, KNOWN, LISTENERS)] == expected


def test_transports_and_what_is_fixed() -> None:
    uris = ["sip:192.0.2.1;transport=udp", "sip:192.0.2.2", "sips:192.0.2.3", "sips:gw.example.com"]
    found = placed([(uri, 1, 1) for uri in uris], KNOWN, LISTENERS)
    assert [(*each.way, each.address[1], each.fixed) for each in found] == [
        ("192.0.2.1", "udp", 5060, True),
        ("192.0.2.2", "udp", 5060, False),
        ("192.0.2.3", "tls", 5061, False),
        ("10.0.0.9", "tls", 5061, False),
    ]


@pytest.mark.parametrize("own", [("10.0.0.77", 5060), ("203.0.113.5", 5060)])
def test_a_name_that_leads_to_the_node_itself_is_left_out(own: tuple[str, int]) -> None:
    assert placed([("sip:gw.example.com:5070", 1, 1)], {OTHER: (Found(own, 0, SHARE),)}, LISTENERS) == []


def settings(*uris: str, **more: str) -> Settings:
    return Settings.model_validate(LEAST | {"core": {"next_hops": [{"uri": uri, **more} for uri in uris]}})


def nobody(*gateway: str, tls: tuple[str, ...] = ()) -> Directory:
    return directory(gateway=gateway, tls_names=tls)


def test_certificates_have_the_name_that_was_asked_for_whatever_srv_makes_of_it() -> None:
    made = peer_names(
        settings("sips:gw.example.com", "sip:192.0.2.1"), nobody("sips:10.0.0.9", tls=("x.example",)), KNOWN
    )
    assert made == {
        ("10.0.0.9", 5061): ("gw.example.com", "x.example"),
        ("10.0.0.8", 5060): ("gw.example.com",),
        ("::9", 5061): ("gw.example.com",),
    }
    made = peer_names(settings("sips:gw.example.com", tls_name="mine.example"), nobody(), KNOWN)
    assert made["10.0.0.9", 5061] == ("mine.example",)


def test_what_is_wanted() -> None:
    node = settings("sip:192.0.2.1", "sip:carrier.example.com", "sip:[::1]")
    names, find, keep = wanted(node, nobody("sip:carrier.example.com", "sips:gw.example.com"))
    assert (names, find is None, keep) == ([NAME, SECURE], False, 86400.0)
    assert wanted(settings("sip:192.0.2.1"), nobody())[:2] == ([], None)
