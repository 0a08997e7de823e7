"""Calls of a peer that bring Identity fields, and what became of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from proxy.call.model import Call
from proxy.call.signed import signed_call
from proxy.call.trunk import IdentityTerms, Trunk
from proxy.checks.base import Facts
from stirshaken.verify import Verification, verify
from tests.checks.calls import call, facts, trunk
from tests.stirshaken.scene import CALLED, CALLER, CERTIFICATES, NOW

FROM = f"<sip:+{CALLER.value}@peer.example>;tag=a"
TO = f"sip:+{CALLED.value}@h"
PEER = trunk(id="peer-1", role="peer")


def signed(*values: bytes, fields: tuple[str, ...] = (), caller: str = FROM, on: Trunk = PEER, to: str = TO) -> Call:
    """A call that brings these Identity values."""
    return call(*fields, *(f"Identity: {value.decode()}" for value in values), caller=caller, on=on, to=to)


def verified(asked: Call, certificates: Any = None, **more: Any) -> Verification:
    """What became of the identities of a call, at the moment that the tokens of the scene were made."""
    known = CERTIFICATES if certificates is None else certificates
    return verify(signed_call(asked), asked.identities, known, NOW, **more)


def terms(verify: Any = "when-present", **more: Any) -> IdentityTerms:
    """A trunk's terms, complete."""
    return IdentityTerms(**{"verify": verify, "min_attestation": "", "on_error": "pass", "sign": True, **more})


def knowing(asked: Call, verify: Any = "when-present", verification: Verification | None = None, **more: Any) -> Facts:
    """Facts in which the identities of a call have been verified."""
    found = verification or (verified(asked, **more) if asked.identities else None)
    return replace(facts(), terms=terms(verify), verification=found)
