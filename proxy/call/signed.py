"""What an INVITE says for its signed identity (RFC 8224): the Identity values, Date, and who calls whom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from proxy.call.model import REDIRECTING, Call, Claim
from proxy.sip.errors import ParseError
from proxy.sip.fields import parse_name_addr
from proxy.sip.message import CONTENT_TYPE, DATE, IDENTITY, PRIORITY, RESOURCE_PRIORITY, Message
from stirshaken import freshness, identity, media, numbers, verify
from stirshaken.claims import SignedCall
from stirshaken.errors import MalformedError
from stirshaken.media import Fingerprint
from stirshaken.numbers import Identifier

# One more than a verification looks at, so that it can say so: a datagram has room for 30,000, a record has not.
MOST: Final = verify.MAX_VALUES + 1


def identities_of(message: Message) -> tuple[bytes, ...]:
    """The first Identity values of a message, in wire order; a line that cannot be parted is one value."""
    values: list[bytes] = []
    for line in message.values(IDENTITY):
        try:
            values += identity.split(line)
        except MalformedError:
            values.append(line)
        if len(values) >= MOST:
            break
    return tuple(values[:MOST])


def date_of(message: Message) -> float | None:
    """The Date field in epoch seconds (RFC 3261 §20.17); None where it is no date."""
    return freshness.http_date(message.value(DATE))


def fingerprints_of(message: Message) -> tuple[Fingerprint, ...]:
    """The fingerprints of the SDP in the body (RFC 8122 §5)."""
    return media.fingerprints(message.body, message.value(CONTENT_TYPE).decode("latin-1"))


def priorities_of(message: Message) -> tuple[tuple[str, ...], str]:
    """The values of Resource-Priority (RFC 4412 §3.1), and that of Priority."""
    values = [item for line in message.values(RESOURCE_PRIORITY) for item in line.split(b",")]
    named = tuple(item.strip(b" \t").decode("utf-8", "replace") for item in values)
    return named, message.value(PRIORITY).decode("utf-8", "replace")


def signed_call(call: Call, diverting: Iterable[str] = ()) -> SignedCall:
    """
    What the tokens of a call are held against: the asserted caller, else From (RFC 8224 §6.2, ATIS-1000074 §5.3.1),
    and who is called by the Request-URI. A To field need not be where the call goes: whoever diverts must prove it.

    `diverting` are numbers that the trunk itself may divert from: a token for one of them is as good.
    """
    numbers_ = (call.called, *diverting)
    return SignedCall(
        orig_of(call),
        tuple(map(identifier, numbers_)),
        call.date,
        call.fingerprints,
        call.resource_priority,
        call.priority,
    )


def orig_of(call: Call) -> Identifier:
    """
    Who calls, as a PASSporT names it. A customer who may write what it likes into From (`asserted`) and forwards a
    call leaves its caller there; its P-Asserted-Identity is held against its numbers. That of another operator is not,
    so the token has to name it.
    """
    trunk = call.trunk
    stated = [claim for claim in call.claims if claim.header == "P-Asserted-Identity" and claim.number]
    shown = [claim for claim in call.claims if claim.header == "From"]
    forwards = any(claim.header in REDIRECTING for claim in call.claims)
    if forwards and trunk.screening == "asserted" and trunk.role == "access":
        stated = [claim for claim in shown if claim.number] or stated
    named = stated or shown
    return _calling(named[0]) if named else Identifier("uri", "")


def _calling(claim: Claim) -> Identifier:
    if claim.number:
        return Identifier("tn", claim.number.removeprefix("+"))
    try:
        return numbers.of_uri(parse_name_addr(claim.value.encode(), claim.header).uri.decode(), bare_digits=False)
    except (MalformedError, ParseError, UnicodeDecodeError):
        return Identifier("uri", claim.value)


def identifier(number: str) -> Identifier:
    """A number (E.164 or short), or what else a call names, as a PASSporT names it."""
    digits = numbers.canonical_number(number)
    return Identifier("uri", number) if digits is None else Identifier("tn", digits)
