"""Priority that is signed: Resource-Priority (RFC 8443) and the callback of an emergency centre (RFC 9027)."""

from __future__ import annotations

import re
from typing import Any, Final

from stirshaken.errors import MalformedError

MAX_VALUES: Final = 32
CALLBACK: Final = "psap-callback"  # the one value of Priority that a token can vouch for (RFC 9027 §4)
#   r-value  =  namespace "." r-priority          (RFC 4412 §3.1); compared in any case
_VALUE: Final = re.compile(r"[A-Za-z0-9\-!%*_+`'~]{1,64}\.[A-Za-z0-9\-!%*_+`'~]{1,64}")


def authorised(claim: Any) -> frozenset[str]:
    """
    Read the claim rph: the values that the caller may have, in lower case.

    Raises MalformedError where it is no object with an array `auth` of one value or more, each `namespace.priority`.
    """
    values = claim.get("auth") if isinstance(claim, dict) else None
    if not isinstance(values, list) or not 1 <= len(values) <= MAX_VALUES:
        raise MalformedError("token: rph has no array auth")
    for value in values:
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise MalformedError("token: a value of rph is no priority")
    return frozenset(value.lower() for value in values)


def callback(claim: Any) -> str:
    """Read the claim sph. Raises MalformedError for anything but a callback."""
    if claim != CALLBACK:
        raise MalformedError("token: sph is no callback")
    return CALLBACK
