"""Checks: what a call is held against. Every one of them runs, in this order; the first proof gives the answer."""

from proxy.checks import callee, caller, display_name, identity, traffic, trunk
from proxy.checks.base import Check

CHAIN: tuple[Check, ...] = (
    trunk.CHECK,
    caller.CHECK,
    display_name.CHECK,
    identity.CHECK,
    callee.CHECK,
    traffic.CHECK,
)
