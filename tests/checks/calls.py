"""Calls and a directory for the checks' tests."""

from __future__ import annotations

from datetime import date

from proxy.call.directory import DirectoryBuilder
from proxy.call.extract import called_of, extract
from proxy.call.model import Call
from proxy.call.trunk import Customer, DialPlan, Trunk
from proxy.checks.base import Facts
from proxy.sip.message import parse
from proxy.sip.request import Request
from tests.story import request

TODAY = date(2026, 11, 23)
GOOD = "<sip:02488880001@pbx.example.cn>;tag=a"
PLAN = DialPlan(country="86", area="24", strip=("9",))


def trunk(**changes: object) -> Trunk:
    """An access trunk, strictly screened."""
    fields: dict[str, object] = {"id": "acme-1", "customer": Customer("acme"), "dial_plan": PLAN}
    return Trunk(**(fields | changes))  # type: ignore[arg-type]


def facts(today: date = TODAY) -> Facts:
    """acme-1 has +862488880000–0099, 400 800 1234, and a number that ended in 2025."""
    made = DirectoryBuilder()
    made.add_trunk(trunk())
    made.add_trunk(Trunk("zeta-1", Customer("zeta")))
    made.add("acme-1", "+862488880000", "+862488880099")
    made.add("acme-1", "+864008001234", "+864008001234")
    made.add("acme-1", "+862466660000", "+862466660000", None, date(2025, 12, 31))
    made.add("zeta-1", "+862477770000", "+862477770000")
    return Facts(made.build(), today)


def call(*fields: str, caller: str = GOOD, on: Trunk | None = None, to: str = "sip:13800138000@h") -> Call:
    """The call that an INVITE with these fields asks for."""
    asked = Request(parse(request("INVITE", to, caller=caller, fields=fields)))
    used = on or trunk()
    number, emergency = called_of(asked, used.dial_plan)
    return extract(asked, used, "127.0.0.2:5060", "access", number, emergency)
