"""verstat, the network's word on a caller's number (3GPP TS 24.229 §7.2A.20): taken off what comes in, put on by us."""

from __future__ import annotations

import re
from typing import Final

from proxy.sip.message import FROM, P_ASSERTED_IDENTITY, P_PREFERRED_IDENTITY, REMOTE_PARTY_ID, Message

_CALLERS: Final = frozenset({FROM, P_ASSERTED_IDENTITY, P_PREFERRED_IDENTITY, REMOTE_PARTY_ID})
# The name in any case, each letter perhaps escaped: some reader undoes that (RFC 3261 §19.1.4).
_NAME: Final = b"".join(
    b"(?:[%c%c]|%%(?:%x|%x))" % (letter, letter.upper()[0], letter[0], letter.upper()[0])
    for letter in (bytes([octet]) for octet in b"verstat")
)
#   verstat-param  =  "verstat" EQUAL verstat-value     in the user part, or in the URI's own parameters
_PARAM: Final = re.compile(
    rb'("(?:[^"\\]|\\.)*+")|;[ \t]*+' + _NAME + rb'(?:[ \t]*+=[ \t]*+(?:"[^"]*+"|[^;>@,\s?"]*+))?(?=[;>@,\s?]|\Z)',
    re.DOTALL,
)
_LOOKS: Final = re.compile(rb";[ \t]*+" + _NAME)
_DISPLAY: Final = re.compile(rb'[^:"]*+:\s*+"(?:[^"\\]|\\.)*+"', re.DOTALL)
#   sip:number@… in brackets or bare, tel:number… in brackets
_URI: Final = re.compile(
    rb'(?:sips?:\+?[0-9][^@>;"\s]*(?:;[^@>"\s]*)?(?=@)|tel:[^;>"\s,]+(?:;[^;>"\s,]*)*(?=>))', re.IGNORECASE
)


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


def _quoted(match: re.Match[bytes]) -> bytes:
    return match[1] or b""


def _put(line: bytes, param: bytes) -> bytes:
    """A line whose first URI of a number has one more parameter there; as it was where it has none."""
    display = _DISPLAY.match(line)  # it may hold anything
    match = _URI.search(line, 0 if display is None else display.end())
    return line if match is None else line[: match.end()] + param + line[match.end() :]
