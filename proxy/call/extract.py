"""From an INVITE to the facts of the call: every field that names a caller, read once, in wire order."""

from __future__ import annotations

from typing import Final

from proxy.call.model import Call, Claim, Reading
from proxy.call.numbers import called as called_number
from proxy.call.numbers import is_emergency, normalise
from proxy.call.trunk import DialPlan, Trunk
from proxy.sip.errors import ParseError
from proxy.sip.fields import NameAddr, display_text, parse_name_addr, split_values
from proxy.sip.message import (
    DIVERSION,
    FROM,
    HISTORY_INFO,
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


def called_of(request: Request, plan: DialPlan) -> tuple[str, bool]:
    """The called number of a request (E.164, short number or raw user part) and whether it is an emergency call."""
    uri = request.uri
    if uri.scheme == b"urn":
        return request.message.uri.decode("ascii", "replace"), True
    user = _number_part(uri)
    return called_number(user, plan), is_emergency(user, plan)


def extract(request: Request, trunk: Trunk, source: str, listener: str, called: str, emergency: bool) -> Call:
    """The call that an INVITE asks for. Total: whatever the fields hold becomes a claim, readable or not."""
    plan = trunk.dial_plan
    message = request.message
    claims: list[Claim] = []
    for name, line in zip(message.names, message.lines, strict=True):
        if name == FROM:
            claims.append(_claim("From", line_value(line), request.from_, plan))
        elif name in _CLAIMING:
            claims += _claims(_CLAIMING[name], line_value(line), plan)
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
    )


def _claims(header: str, value: bytes, plan: DialPlan) -> list[Claim]:
    """The claims of one field line."""
    values = split_values(value)
    if header == "History-Info":
        values = values[:-1]  # the last entry is where the call goes now (RFC 7044 §10.1.1)
    return [_claim(header, item, _address(item, header), plan) for item in values]


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
    display = display_text(address.display) if address.display else ""
    reading, number = _read(uri, plan)
    return Claim(header, text, uri.user.decode("utf-8", "replace"), number, reading, display)


def _read(uri: Uri, plan: DialPlan) -> tuple[Reading, str]:
    """What a caller's URI says: a number, anonymity (RFC 3323 §4.1.1.3), nothing, or something that is no number."""
    if uri.user.lower() in _ANONYMOUS:
        return Reading.ANONYMOUS, ""
    if not uri.user:
        return (Reading.ANONYMOUS if uri.host.lower().endswith(b".invalid") else Reading.ABSENT), ""
    number = normalise(_number_part(uri), plan)
    return (Reading.NUMBER, number) if number else (Reading.MALFORMED, "")


def _number_part(uri: Uri) -> str:
    """
    The telephone-subscriber of a URI: the user part up to its parameters (RFC 3261 §19.1.6), unescaped;
    a phone-context that is a prefix ("+86") goes in front (RFC 3966 §5.1.5).
    """
    user, _, params = uri.user.partition(b";")
    plain = unescape(user)
    if plain is None:
        return ""
    if not params and not uri.params:
        return plain.decode("utf-8", "replace")
    context = b""
    for item in (params + uri.params).split(b";"):
        name, _, value = item.partition(b"=")
        if name.lower() == b"phone-context" and value.startswith(b"+") and not plain.startswith(b"+"):
            context = value
    return (context + plain).decode("utf-8", "replace")


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
