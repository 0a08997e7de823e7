"""From an INVITE to the facts of the call: every field that names a caller, read once, in wire order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeAlias

from proxy.call.model import Call, Claim, Reading
from proxy.call.numbers import LONGEST, called, emergency_number, is_emergency_in, normalise, number_in_host
from proxy.call.signed import date_of, fingerprints_of, identities_of, priorities_of
from proxy.call.trunk import DialPlan, Trunk
from proxy.sip.errors import ParseError
from proxy.sip.fields import NameAddr, display_text, param, parse_name_addr, split_values
from proxy.sip.grammar import QUOTED_PAIR
from proxy.sip.message import (
    DATE,
    DIVERSION,
    FROM,
    HISTORY_INFO,
    IDENTITY,
    P_ASSERTED_IDENTITY,
    P_PREFERRED_IDENTITY,
    PRIVACY,
    REMOTE_PARTY_ID,
    Message,
    line_value,
)
from proxy.sip.request import Request
from proxy.sip.uri import Uri, parse_uri, unescape

_CLAIMING: Final = {
    P_ASSERTED_IDENTITY: "P-Asserted-Identity",
    P_PREFERRED_IDENTITY: "P-Preferred-Identity",
    REMOTE_PARTY_ID: "Remote-Party-ID",
    DIVERSION: "Diversion",
    HISTORY_INFO: "History-Info",
}
_ANONYMOUS: Final = frozenset({b"anonymous", b"unavailable", b"restricted", b"unknown"})
_CALLERS: Final = ("P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "From")
_STATING: Final = frozenset(_CALLERS[:3])  # they name a user or nobody; a bare host is no caller
# Parameters of a telephone number whose values may well be digits (RFC 3966, 4694, 4904; cpc and oli of ISUP).
_KNOWN: Final = frozenset(
    {
        b"phone-context",
        b"isub",
        b"ext",
        b"tgrp",
        b"trunk-context",
        b"npdi",
        b"rn",
        b"rn-context",
        b"cic",
        b"cic-context",
    }
    | {b"cpc", b"oli", b"isup-oli", b"verstat", b"user", b"enumdi", b"otg", b"dtg"}
)
_DIGITS: Final = re.compile(rb"[+\-.()]*(?:[0-9][+\-.()]*){3,}")
_LEGACY: Final = ("gb18030", "big5")  # character sets of Chinese phones and PBXs older than UTF-8
_TRAVELLING: Final = frozenset({b"user", b"transport"})  # parameters of a URI that change no destination
_PLAIN_PARAMS: Final = (b"", b";user=phone")  # what nearly every URI has
_LONGEST_PARAMS: Final = 1024
_MOST: Final = 100  # claims of one INVITE; what comes behind them is read no more, and is no number
Params: TypeAlias = Sequence[tuple[bytes, bytes]]


def called_of(request: Request, plan: DialPlan) -> tuple[str, bool]:
    """The called number of a request (E.164, short number or raw user part) and whether it is an emergency call."""
    uri = request.uri
    if uri.scheme == b"urn":
        return request.message.uri.decode("ascii", "replace"), True
    plain, own, others = _subscriber(uri)
    short = emergency_number(plain, plan)
    if not short:
        return called(_in_context(plain, own, others), plan), False
    if not _has_password(request.message.uri) and _stands_alone(plain, own, others, plan):
        return short, True
    number = _in_context(plain, own, others)
    return called(
        number if number not in ("", plain) else (uri.user + uri.params).decode("utf-8", "replace"), plan
    ), False


def extract(
    request: Request, trunk: Trunk, source: str, listener: str, called: str, emergency: bool, *, media: bool = True
) -> Call:
    """
    The call that an INVITE asks for. Total: whatever the fields hold becomes a claim, readable or not. The keys of its
    media are looked for where it is signed, or `media`.
    """
    plan = trunk.dial_plan
    message = request.message
    claims: list[Claim] = []
    for name, line in zip(message.names, message.lines, strict=True):
        if name == FROM:
            claims.append(_claim("From", line_value(line), request.from_, plan))
        elif name in _CLAIMING:
            claims += _claims(_CLAIMING[name], line_value(line), plan, called, _MOST - len(claims))
    if HISTORY_INFO in message.names:
        _drop_target(claims, request, called)
    signed = IDENTITY in message.names
    resource_priority, priority = priorities_of(message) if signed else ((), "")
    return Call(
        call_id=request.call_id.decode("utf-8", "replace"),
        trunk=trunk,
        source=source,
        listener=listener,
        caller=_caller(claims),
        called=called,
        claims=tuple(claims),
        emergency=emergency,
        privacy=_privacy(message),
        identities=identities_of(message) if signed else (),
        date=date_of(message) if DATE in message.names else None,
        fingerprints=fingerprints_of(message) if (signed or media) and b"fingerprint" in message.body.lower() else (),
        resource_priority=resource_priority,
        priority=priority,
        in_dialog=bool(request.to_tag),
    )


def is_private(claim: Claim) -> bool:
    """Whether a Remote-Party-ID asks not to be shown (draft-ietf-sip-privacy-04 §5.2)."""
    address = _address(claim.value.encode(), claim.header)
    return address is not None and (param(address.params, b"privacy") or b"off").lower() != b"off"


def number_of(party: NameAddr, plan: DialPlan) -> str:
    """The number that From or To names, E.164; else the raw user part."""
    claim = _claim("To", party.uri, party, plan)
    return claim.number or claim.user


def _claims(header: str, value: bytes, plan: DialPlan, called: str, most: int) -> list[Claim]:
    """The claims of one field line, at most `most` and one that stands for the rest."""
    if most < 0:
        return []
    values = split_values(value) if b"," in value else [value]
    found = []
    for item in values[:most]:
        address = _address(item, header)
        claim = _claim(header, item, address, plan)
        # who ignores the party parameter must read nobody but the callee here
        if header != "Remote-Party-ID" or address is None or claim.number != called or not _is_callee(address):
            found.append(claim)
    if len(values) > most:
        found.append(Claim(header, "", "", "", Reading.MALFORMED))
    return found


def _is_callee(address: NameAddr) -> bool:
    """Whether a Remote-Party-ID names the called party, and says so only once."""
    params = address.params.lower()
    return params.count(b"party") == 1 and param(params, b"party") == b"called"


def _drop_target(claims: list[Claim], request: Request, called: str) -> None:
    """The last entry of History-Info, over all lines, is where the call goes now (RFC 7044 §10.1.1), if it is."""
    for index in range(len(claims) - 1, -1, -1):
        claim = claims[index]
        if claim.header == "History-Info":
            user = request.uri.user.decode("utf-8", "replace")
            if (claim.number and claim.number == called) or (claim.user and claim.user == user):
                del claims[index]
            return


def _address(value: bytes, header: str) -> NameAddr | None:
    try:
        return parse_name_addr(value, header)
    except ParseError:
        return None


def _claim(header: str, value: bytes, address: NameAddr | None, plan: DialPlan) -> Claim:
    text = value.decode("utf-8", "replace")
    try:
        uri = parse_uri(address.uri) if address is not None else None
    except ParseError:
        uri = None
    if address is None or uri is None:
        return Claim(header, text, "", "", Reading.MALFORMED)
    reading, number = (Reading.MALFORMED, "") if _has_password(address.uri) else _read(header, uri, plan)
    user = uri.user.decode("utf-8", "replace")
    if not address.display:
        return Claim(header, text, user, number, reading)
    display = display_text(address.display)
    legacy = _in_legacy(address.display) if "\ufffd" in display else ()
    return Claim(header, text, user, number, reading, display, legacy)


def _in_legacy(display: bytes) -> tuple[str, ...]:
    """A display name that is no UTF-8, as phones with other character sets show it."""
    octets = QUOTED_PAIR.sub(rb"\1", display[1:-1]) if display.startswith(b'"') else display
    return tuple(octets.decode(name, "replace") for name in _LEGACY)


def _read(header: str, uri: Uri, plan: DialPlan) -> tuple[Reading, str]:
    """What a caller's URI says: a number, anonymity (RFC 3323 §4.1.1.3), nothing, or something that is no number."""
    user = uri.user
    if user.lower() in _ANONYMOUS:
        return _read_host(uri, plan, Reading.ANONYMOUS)
    if not user:
        if header in _STATING:
            return Reading.MALFORMED, ""
        hidden = uri.host.lower().endswith(b".invalid")
        return _read_host(uri, plan, Reading.ANONYMOUS if hidden else Reading.ABSENT)
    number = _number(uri, plan)
    return (Reading.NUMBER, number) if number else (Reading.MALFORMED, "")


def _read_host(uri: Uri, plan: DialPlan, otherwise: Reading) -> tuple[Reading, str]:
    """What a host says where no user does: phones show it, so a number in it is a claim of that number."""
    number = number_in_host(uri.host.decode("ascii"), plan)
    if number is None:
        return otherwise, ""
    return (Reading.NUMBER, number) if number else (Reading.MALFORMED, "")


def _number(uri: Uri, plan: DialPlan) -> str:
    """The number that a claim's URI names; "" for none, or where another reader could see another one."""
    user = uri.user
    if uri.params in _PLAIN_PARAMS and b";" not in user and b"%" not in user:
        return normalise(user.decode("utf-8", "replace"), plan)
    plain, own, others = _subscriber(uri)
    if any(_is_beside(name, value) for name, value in own):
        return ""
    number = normalise(_in_context(plain, own, others), plan)
    # a phone-context among the URI's parameters is no one's standard: it must not make the difference
    if number and _contexts(others) and normalise(plain, plan) != number:
        return ""
    return number


def _is_beside(name: bytes, value: bytes) -> bool:
    """Whether an unknown parameter is a number that some reader may take for the caller's, or cannot be read."""
    return name not in _KNOWN and any(_DIGITS.fullmatch(text) or not text.isascii() for text in (name, value))


def _subscriber(uri: Uri) -> tuple[str, Params, Params]:
    """
    The telephone-subscriber of a URI: the user part up to its parameters (RFC 3261 §19.1.6), unescaped;
    its own parameters; those of the URI. The first is "" where one of them cannot be read.
    """
    user = uri.user
    if not uri.params and b";" not in user and b"%" not in user:
        return user.decode("utf-8", "replace"), (), ()
    user, _, params = user.partition(b";")
    plain = unescape(user) if len(user) <= 3 * LONGEST else None
    own, others = _pairs(params), _pairs(uri.params[1:])
    if plain is None or own is None or others is None:
        return "", (), ()
    text = plain.decode("utf-8", "replace")
    return (text, others, ()) if uri.scheme == b"tel" else (text, own, others)


def _pairs(params: bytes) -> Params | None:
    """Parameters as (lower-case name, value), unescaped; None where they cannot be read, or are no end."""
    if not params:
        return ()
    plain = [unescape(item) for item in params.split(b";")] if len(params) <= _LONGEST_PARAMS else [None]
    pairs = [(item.partition(b"=")) for item in plain if item is not None]
    return [(name.lower(), value) for name, _, value in pairs] if len(pairs) == len(plain) else None


def _contexts(params: Params) -> list[bytes]:
    return [value for name, value in params if name == b"phone-context"]


def _in_context(plain: str, own: Params, others: Params) -> str:
    """A number behind its phone-context if that is a prefix ("+86", RFC 3966 §5.1.5); "" where it has two."""
    if not own and not others:
        return plain
    contexts = _contexts(own) + _contexts(others)
    if len(contexts) > 1:
        return ""
    if not contexts or not contexts[0].startswith(b"+") or plain.startswith("+"):
        return plain
    return contexts[0].decode("utf-8", "replace") + plain


def _stands_alone(plain: str, own: Params, others: Params, plan: DialPlan) -> bool:
    """Whether nothing in a URI sends an emergency number elsewhere: rn, maddr, or a context that makes a number."""
    contexts = _contexts(own)
    if len(contexts) != len(own) or len(own) > 1 or any(name not in _TRAVELLING for name, _ in others):
        return False
    return not contexts or plain.startswith("+") or is_emergency_in(contexts[0].decode("utf-8", "replace"), plain, plan)


def _has_password(uri: bytes) -> bool:
    """Whether a sip URI has a colon in its userinfo: "sip:" and one character of the user stand before it."""
    colon = uri.find(b":", 5)
    return 0 <= colon < uri.find(b"@")


def _caller(claims: list[Claim]) -> str:
    """The number that names the caller: the first asserted one, else that of From."""
    for header in _CALLERS:
        for claim in claims:
            if claim.header == header and claim.number:
                return claim.number
    return ""


def _privacy(message: Message) -> frozenset[str]:
    """The priv-values of Privacy (RFC 3323 §4.2)."""
    if PRIVACY not in message.names:
        return frozenset()
    value = message.value(PRIVACY).decode("utf-8", "replace").lower()
    return frozenset(item.strip(" \t") for item in value.split(";"))
