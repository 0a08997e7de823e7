"""The words of a verification: what was checked, what was found, and what follows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Rule(StrEnum):
    """What a signed identity can break; stable codes (a proxy puts "identity." in front)."""

    MISSING = "missing"  # no Identity field, or none with a PASSporT type that is understood
    STALE = "stale"  # iat or Date outside the freshness window
    UNREACHABLE = "unreachable"  # the certificate could not be had
    UNTRUSTED = "untrusted"  # no path to a trust anchor, expired, or not fit to sign
    REVOKED = "revoked"
    NOT_AUTHORISED = "not_authorised"  # the certificate does not cover the number, or its issuer does not cover it
    INVALID = "invalid"  # malformed token, bad signature, missing claim
    MISMATCH = "mismatch"  # claims and call differ
    REPLAYED = "replayed"
    ATTESTATION = "attestation"  # lower than demanded


class Result(StrEnum):
    """How a verification ended; UNKNOWN where a fact could not be had, which proves nothing."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that was broken; `detail` says how, in ASCII, quoting no secret."""

    rule: Rule
    detail: str


@dataclass(frozen=True, slots=True)
class Check:
    """
    One step of a verification as people read it; `ok` None where it could not be made. `counts` is False where that
    is good enough: then it leaves nothing open.
    """

    name: str
    ok: bool | None
    detail: str = ""
    counts: bool = True

    @property
    def open(self) -> bool:
        """Whether it could not be made and the result is unknown for that."""
        return self.ok is None and self.counts
