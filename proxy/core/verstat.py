"""verstat, the network's word on a caller's number (3GPP TS 24.229 §7.2A.20): taken off what comes in, put on by us."""

from __future__ import annotations

import re
from typing import Final

from proxy.sip import build
from proxy.sip.fields import parse_name_addr
from proxy.sip.message import (
    FROM,
    P_ASSERTED_IDENTITY,
    P_PREFERRED_IDENTITY,
    REMOTE_PARTY_ID,
    Message,
    line_value,
)

_CALLERS: Final = frozenset({FROM, P_ASSERTED_IDENTITY, P_PREFERRED_IDENTITY, REMOTE_PARTY_ID})
# The name in any case, each letter and each separator perhaps escaped: some reader undoes that (RFC 3261 §19.1.4).
_FOLD: Final = rb"[ \t\r\n]*+"
_BEGIN: Final = rb"(?:;|%3[Bb])" + _FOLD
_NAME: Final = b"".join(
    b"(?:[%c%c]|%%(?:%x|%x))" % (letter, letter.upper()[0], letter[0], letter.upper()[0])
    for letter in (bytes([octet]) for octet in b"verstat")
)
#   verstat-param  =  "verstat" EQUAL verstat-value     in the user part, or in the URI's own parameters
_SAID: Final = (
    _BEGIN + _NAME + rb"(?:" + _FOLD + rb"(?:=|%3[Dd])" + _FOLD + rb'(?:"[^"]*+"|[^;>@,\s?"]*+)|(?=[;>@,\s?"%]|\Z))'
)  # fmt: skip
# A quoted string, or one without an end: a search that never starts over is linear.
_QUOTED: Final = rb'"(?:[^"\\]++|\\.)*+(?:(")|\\?\Z)'
_BARE: Final = re.compile(_SAID)
_PARAM: Final = re.compile(_QUOTED + rb"|" + _SAID, re.DOTALL)
_LOOKS: Final = re.compile(_BEGIN + _NAME)
#   sip:number@… in brackets or bare, tel:number… in brackets; what is quoted is a display name. Bounded and possessive.
_URI: Final = re.compile(
    _QUOTED + rb'|(sips?:\+?[0-9][^@>;"\s]{0,64}+(?:;[^@>"\s]{0,512}+)?+(?=@)'
    rb'|tel:[^;>"\s,]{1,64}+(?:;[^;>"\s,]{0,64}+){0,8}+(?=>))',
    re.IGNORECASE | re.DOTALL,
)  # fmt: skip


def stripped(message: Message, lines: list[bytes]) -> list[bytes]:
    """The field lines of a request without any verstat of its callers; the same list where there is none."""
    for index, name in enumerate(message.names):
        if name in _CALLERS and _LOOKS.search(lines[index]):
            lines = lines.copy()
            lines[index] = _PARAM.sub(_quoted, lines[index])
    return lines


def told(message: Message, lines: list[bytes], value: bytes) -> list[bytes]:
    """The field lines with a verstat in the URI that names the caller: of P-Asserted-Identity, else of From."""
    names = message.names
    field = P_ASSERTED_IDENTITY if P_ASSERTED_IDENTITY in names else FROM
    lines = lines.copy()
    for index, name in enumerate(names):
        if name == field:
            lines[index] = _put(lines[index], b";verstat=" + value)
    return lines


def asserted(message: Message, value: bytes) -> list[bytes]:
    """P-Asserted-Identity with a verstat: the fields of a request, else one that says what its From does."""
    bare = stripped(message, message.lines)
    lines = told(message, bare, value)
    if P_ASSERTED_IDENTITY in message.names:
        return [line for name, line in zip(message.names, lines, strict=True) if name == P_ASSERTED_IDENTITY]
    index = message.names.index(FROM)
    if lines[index] == bare[index]:
        return []
    return [build.addressed(b"P-Asserted-Identity", parse_name_addr(line_value(lines[index]), "From").uri)]


def _quoted(match: re.Match[bytes]) -> bytes:
    """What a quoted string stays; what only begins like one is none."""
    found = match[0]
    if found[:1] != b'"':
        return b""
    return found if match[1] else _BARE.sub(b"", found)


def _put(line: bytes, param: bytes) -> bytes:
    """A line whose first URI of a number has one more parameter there; as it was where it has none."""
    match = next((match for match in _URI.finditer(line) if match[2]), None)
    return line if match is None else line[: match.end()] + param + line[match.end() :]
