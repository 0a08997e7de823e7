"""The facts of one call, as a check sees them: no octets, no clock, no mode."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from proxy.call.trunk import Trunk

REDIRECTING: Final = ("Diversion", "History-Info")  # fields that say who diverted a call


class Reading(Enum):
    """What the URI of a claim turned out to be."""

    NUMBER = "number"  # a telephone number; `Claim.number` holds it
    ANONYMOUS = "anonymous"  # anonymous.invalid, "anonymous", "unavailable", "restricted" (RFC 3323 §4.1.1.3)
    MALFORMED = "malformed"  # no number (letters, full-width digits, broken escapes …), or two that readers may see
    ABSENT = "absent"  # no user part at all, and a host that is no number


# Not frozen: nobody changes them, and freezing makes each, of several a call, four times dearer to make.


@dataclass(slots=True)
class Claim:
    """
    One statement of who calls (or who redirected), in wire order.

    `header` is the long field name ("From", "P-Asserted-Identity", "P-Preferred-Identity",
    "Remote-Party-ID", "Diversion", "History-Info"); `value` the one field value as received
    (UTF-8, undecodable octets as U+FFFD); `user` the user part as it stands on the wire;
    `number` E.164 with "+" ("" unless `reading` is NUMBER); `display` the display name, unescaped;
    `legacy` what phones with older Chinese character sets show, where the name is no UTF-8.
    """

    header: str
    value: str
    user: str
    number: str
    reading: Reading
    display: str = ""
    legacy: tuple[str, ...] = ()


@dataclass(slots=True)
class Load:
    """What a trunk had under way when a call came: calls in progress, and whether its calls come too fast."""

    in_progress: int
    too_fast: bool


@dataclass(slots=True)
class Call:
    """
    What an INVITE (or a request that shows a caller anew, `in_dialog`) asks for.

    `claims` in wire order; `called` is E.164, a short number, or the raw user part; `identities` are the values of
    Identity as they stand on the wire, `date` is the Date field in epoch seconds (None: none that can be read),
    `fingerprints` are the keys of the media in the SDP (function, digest); `resource_priority` and `priority` are
    those fields of a call with an Identity, which may be signed too; `load` is what its trunk had under way (None: it
    has no limits, or nobody looked).
    """

    call_id: str
    trunk: Trunk
    source: str  # "ip:port"
    listener: str  # name of the listener
    caller: str  # the number that names the caller: first asserted number, else From; "" when there is none
    called: str
    claims: tuple[Claim, ...]
    emergency: bool = False
    privacy: frozenset[str] = frozenset()  # lower-case priv-values (RFC 3323 §4.2)
    identities: tuple[bytes, ...] = ()
    date: float | None = None
    fingerprints: tuple[tuple[str, str], ...] = ()
    resource_priority: tuple[str, ...] = ()
    priority: str = ""
    in_dialog: bool = False
    load: Load | None = None
