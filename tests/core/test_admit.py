"""Whose trunk a request comes from (RFC 4904 for trunk groups)."""

from __future__ import annotations

import pytest

from proxy.call.directory import DirectoryBuilder
from proxy.call.trunk import Customer, Trunk
from proxy.core.admit import Admission, trunk_group
from proxy.sip.message import parse
from tests.story import request

CORE = Trunk("core", Customer("core"), role="core")


def admission(*trunks: Trunk) -> Admission:
    builder = DirectoryBuilder()
    for trunk in trunks:
        builder.add_trunk(trunk)
    return Admission(builder.build(), CORE, ["127.0.0.1", "::1"])


def trunk(name: str, group: str = "") -> Trunk:
    return Trunk(name, Customer("acme"), sources=("127.0.0.2/32",), tgrp=group)


@pytest.mark.parametrize(
    ("ip", "ids"), [("127.0.0.2", ["a"]), ("127.0.0.1", ["core"]), ("::1", ["core"]), ("127.0.0.9", [])]
)
def test_candidates(ip: str, ids: list[str]) -> None:
    assert [item.id for item in admission(trunk("a")).candidates(ip)] == ids


@pytest.mark.parametrize(
    ("contact", "group"),
    [
        ("<sip:+8624;tgrp=sales;trunk-context=acme.cn@127.0.0.2>", "sales"),
        ("<sip:+8624;trunk-context=acme.cn;TGRP=sales@127.0.0.2>, <sip:x;tgrp=no@h>", "sales"),
        ("<sip:+8624@127.0.0.2;tgrp=not-the-users>", ""),
        ("<sip:+8624@127.0.0.2>", ""),
        ("tgrp nonsense", ""),
    ],
)
def test_trunk_group(contact: str, group: str) -> None:
    assert trunk_group(parse(request("INVITE", fields=(f"Contact: {contact}",)))) == group


@pytest.mark.parametrize(
    ("groups", "asked", "settled"),
    [
        (("",), "sales", "0"),
        (("sales", "lab"), "lab", "1"),
        (("sales", "lab"), "", None),
        (("sales",), "", None),
        (("sales", ""), "", "1"),
        (("sales", "lab"), "other", None),
    ],
)
def test_settle(groups: tuple[str, ...], asked: str, settled: str | None) -> None:
    known = admission(*(trunk(str(index), group) for index, group in enumerate(groups)))
    fields = (f"Contact: <sip:1;tgrp={asked}@h>",) if asked else ()
    found = known.settle(known.candidates("127.0.0.2"), parse(request("INVITE", fields=fields)))

    assert (found.id if found else None) == settled
