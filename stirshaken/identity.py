"""The Identity header field (RFC 8224 §4.1): a token and where its certificate is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from stirshaken.errors import MalformedError

MAX_VALUE: Final = 8 * 1024  # octets of one value; a SHAKEN one has some 500, a div-o 2000
MAX_LINE: Final = 64 * 1024  # octets of a line of several; no UDP datagram holds more
MAX_PARAMS: Final = 16  # the RFCs know three
DEFAULT_ALG: Final = "ES256"  # RFC 8224 §4.1

# All patterns work on octets whose folding has been undone (RFC 3261 §7.3.1), so SWS is [ \t]* here. Loops are
# possessive: nothing is ever read twice.

#   token        =  1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~" )
_TOKEN: Final = rb"[A-Za-z0-9\-.!%*_+`'~]++"
#   signed-identity-digest  =  1*(base64-char / ".")
# RFC 8224 prints base64-char with "+" and "/", but what stands here is a JWS: base64url (RFC 7515 §7.1).
_DIGEST: Final = re.compile(rb"[ \t]*+([A-Za-z0-9_\-.]++)[ \t]*+")
#   quoted-string  =  SWS DQUOTE *(qdtext / quoted-pair ) DQUOTE
_QUOTED: Final = rb'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]++|\\[\x20-\x7e])*+"'
#   ident-info-uri  =  LAQUOT absoluteURI RAQUOT
_BRACKETED: Final = rb"<[^\x00-\x20\x7f-\xff<>\"]++>"
#   generic-param   =  token [ EQUAL gen-value ]
#   gen-value       =  token / host / quoted-string
# Bare values are read more widely than token: some write info=https://… without brackets, and what ends a value is
# never in doubt. Quoted ones too are read for every parameter: ppt="shaken" is common (OpenSIPS PR 2735).
_VALUE: Final = _QUOTED + rb"|" + _BRACKETED + rb"|[^\x00-\x20\x7f-\xff;,\"<>]++"
_PARAM: Final = re.compile(rb";[ \t]*+(" + _TOKEN + rb")(?:[ \t]*+=[ \t]*+(" + _VALUE + rb"))?[ \t]*+")
_QUOTED_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)

#   Identity values of one line are separated by commas outside of quotes and brackets (RFC 3261 §7.3.1).
_ELEMENT: Final = re.compile(rb'(?:[^,"<]++|"(?:[^"\\]++|\\.)*+"|<[^>]*+>)++', re.DOTALL)

_TOKEN_TEXT: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
#   absoluteURI  =  scheme ":" ( hier-part / opaque-part )
_URI_TEXT: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[\x21\x23-\x3b\x3d\x3f-\x7e]+")


@dataclass(frozen=True, slots=True)
class IdentityField:
    """
    One Identity value. `token` is as on the wire; `info` has lost its brackets or quotes, `alg` and `ppt` their
    quotes; `ppt` is "" for a base PASSporT; `params` are the others in their order, names in lower case.
    """

    token: bytes
    info: str
    alg: str = DEFAULT_ALG
    ppt: str = ""
    params: tuple[tuple[str, str], ...] = ()

    @property
    def compact(self) -> bool:
        """Whether header and claims are left out: `..signature` (RFC 8225 §7)."""
        return self.token.startswith(b"..")


def split(line: bytes) -> list[bytes]:
    """
    Part the values of one Identity line, each as it stands there. Raises MalformedError for an unclosed quote or
    bracket and for an empty value.
    """
    if len(line) > MAX_LINE:
        raise MalformedError("Identity: too long")
    values: list[bytes] = []
    position = -1
    while position < len(line):
        match = _ELEMENT.match(line, position + 1)
        if match is None or not match[0].strip(b" \t"):
            raise MalformedError("Identity: empty value or unclosed quote")
        values.append(match[0].strip(b" \t"))
        position = match.end()
        if position < len(line) and line[position] != ord(","):
            raise MalformedError("Identity: unclosed quote or bracket")
    return values


def parse(value: bytes) -> IdentityField:
    """
    Read one Identity value. Parameters come in any order, their names in any case (RFC 3261 §7.3.1). Raises
    MalformedError where it is none, `info` is missing (RFC 8224 §4.1), or a parameter stands twice.
    """
    if len(value) > MAX_VALUE:
        raise MalformedError("Identity: too long")
    digest = _DIGEST.match(value)
    if digest is None:
        raise MalformedError("Identity: no token")
    params = dict(_params(value, digest.end()))
    return IdentityField(
        token=digest[1],
        info=_info(params.pop("info", "")),
        alg=_token_text(params.pop("alg", DEFAULT_ALG)),
        ppt=_token_text(params.pop("ppt")) if "ppt" in params else "",
        params=tuple(params.items()),
    )


def form(token: str, info: str, alg: str = DEFAULT_ALG, ppt: str = "") -> str:
    """
    Write an Identity value: `token;info=<…>;alg=ES256;ppt=shaken`; no ppt where it is "". Raises MalformedError
    where a part could not be read back.
    """
    text = f"{token};info=<{_info(info)}>;alg={_token_text(alg)}" + (f";ppt={_token_text(ppt)}" if ppt else "")
    if not token.isascii() or parse(text.encode("ascii")).token != token.encode("ascii"):
        raise MalformedError("Identity: no token")
    return text


def _params(value: bytes, start: int) -> Iterator[tuple[str, str]]:
    """Read the parameters from `start` to the end: names in lower case, values without quotes, "" for a flag."""
    seen: set[str] = set()
    while start < len(value):
        match = _PARAM.match(value, start)
        if match is None:
            raise MalformedError("Identity: malformed parameter")
        name = match[1].decode("ascii").lower()
        if name in seen or len(seen) == MAX_PARAMS:
            raise MalformedError("Identity: a parameter stands twice, or too many")
        seen.add(name)
        yield name, _text(match[2] or b"")
        start = match.end()


def _text(value: bytes) -> str:
    """Undo quotes, quoted pairs or angle brackets."""
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise MalformedError("Identity: not UTF-8") from error
    if text.startswith('"'):
        return _QUOTED_PAIR.sub(r"\1", text[1:-1])
    return text[1:-1] if text.startswith("<") else text


def _info(text: str) -> str:
    if not _URI_TEXT.fullmatch(text):
        raise MalformedError("Identity: info is missing or no URI")
    return text


def _token_text(text: str) -> str:
    if not _TOKEN_TEXT.fullmatch(text):
        raise MalformedError("Identity: alg or ppt is no token")
    return text
