"""Who calls and who is called, in the one form that is signed and compared (RFC 8224 §8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from stirshaken.errors import MalformedError

MAX_NUMBER: Final = 64  # characters of a number as it is written: 15 digits and their separators
MAX_URI: Final = 2048  # characters; real ones have below 200
# The shortest national number that a country code is put in front of: shorter ones are service numbers (911,
# 95588) or local ones, which have no form of RFC 8224 §8.3 and stay as they are.
_NATIONAL: Final = re.compile(r"[1-9][0-9]{6,14}")

# Visual separators (RFC 3966 §3), and the space that people write. Anything else makes a text no number: RFC 8224
# §8.3 would have it dropped, but "1800FLOWERS" is not 1800.
_SEPARATORS: Final = str.maketrans("", "", "-.() ")

#   tn-spec  =  1*tn-char
#   tn-char  =  "#" / "*" / DIGIT          (RFC 8224 §8.3)
# Fifteen at most (E.164 §6, RFC 8226 §9), and none of E.164 begins with 0.
_NUMBER: Final = re.compile(r"\+[1-9][0-9]{0,14}|[0-9*#]{1,15}")
_BARE_DIGITS: Final = re.compile(r"[0-9\-.()]+")
_COUNTRY: Final = re.compile(r"[1-9][0-9]{0,2}")

#   telephone-uri  =  "tel:" telephone-subscriber          (RFC 3966 §3)
_TEL: Final = re.compile(
    r"[Tt][Ee][Ll]:([^\x00-\x20\x7f-\U0010ffff;@<>\"?]+)((?:;[^\x00-\x20\x7f-\U0010ffff;@<>\"?]*)*)"
)
#   SIP-URI   =  "sip:" [ userinfo ] hostport uri-parameters [ headers ]          (RFC 3261 §25.1)
#   userinfo  =  ( user / telephone-subscriber ) [ ":" password ] "@"
_SIP: Final = re.compile(
    r"([Ss][Ii][Pp][Ss]?):(?:([^\x00-\x20\x7f-\U0010ffff@:<>\"]+)(?::[^\x00-\x20\x7f-\U0010ffff@<>\"]*)?@)?"
    r"([A-Za-z0-9\-._]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
    r"((?:;[^\x00-\x20\x7f-\U0010ffff;?@<>\"]*)*)(?:\?[^\x00-\x20\x7f-\U0010ffff@<>\"]*)?"
)
#   absoluteURI  =  scheme ":" ( hier-part / opaque-part )
_ABSOLUTE: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):([\x21\x23-\x3b\x3d\x3f-\x7e]+)")
_SERVICE: Final = re.compile(r"[Ss][Ee][Rr][Vv][Ii][Cc][Ee]:.+")  # urn:service: labels compare in any case (RFC 5031)

_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
#   unreserved  =  alphanum / mark          (RFC 3261 §25.1), all else keeps its escape
_UNRESERVED: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()")


@dataclass(frozen=True, slots=True)
class Identifier:
    """
    One party of a call: a telephone number or a URI, in canonical form, so that `==` is the comparison of RFC 8224 §8.

    Made by `of_uri` from what SIP says and by `of_claim` from what a PASSporT says. A number never equals a URI.
    """

    kind: Literal["tn", "uri"]
    value: str


def of_uri(uri: str, country: str = "", *, bare_digits: bool = True) -> Identifier:
    """Make the identifier of a SIP, SIPS, tel or other URI. Raises MalformedError where it is none."""
    number = telephone_number(uri, country, bare_digits=bare_digits)
    return Identifier("uri", canonical_uri(uri)) if number is None else Identifier("tn", number)


def of_claim(kind: str, value: str) -> Identifier:
    """
    Make the identifier of a `tn` or `uri` claim (RFC 8225 §5.2.1). A signer's "+" or separators are forgiven: they
    change no number. Raises MalformedError for another kind, a `tn` that is no number, a `uri` that is no URI.
    """
    if kind == "uri":
        return Identifier("uri", canonical_uri(value))
    number = canonical_number(value) if kind == "tn" else None
    if number is None:
        raise MalformedError("identity: no telephone number")
    return Identifier("tn", number)


def canonical_number(text: str, country: str = "") -> str | None:
    """
    Bring a telephone number to its canonical form: digits, "*" and "#", without "+" (RFC 8224 §8.3).

    Returns None where `text` is no telephone number. With a country code, a national number that has neither "+",
    nor a leading zero, nor the code itself, gets it in front. Dial plans proper are the caller's matter: it gives
    a number with "+". Raises ValueError where `country` is no country code.
    """
    if country and not _COUNTRY.fullmatch(country):
        raise ValueError("a country code is one to three digits")
    if len(text) > MAX_NUMBER:
        return None
    digits = text.translate(_SEPARATORS)
    if not _NUMBER.fullmatch(digits):
        return None
    return digits[1:] if digits.startswith("+") else _with_country(digits, country)


def telephone_number(uri: str, country: str = "", *, bare_digits: bool = True) -> str | None:
    """
    Find the telephone number in a URI (RFC 8224 §8.1), canonical; None where it holds none.

    tel URIs, and SIP URIs with `user=phone` or a "+" in front, hold one; with `bare_digits`, as voice trunks
    have it, so does a SIP URI whose user is all digits. Parameters of the number (;ext, ;isub, RFC 4904's ;tgrp)
    are dropped, except that a global ;phone-context is put in front (RFC 3966 §5.1.5).
    """
    if len(uri) > MAX_URI:
        return None
    if (tel := _TEL.fullmatch(uri)) is not None:
        return _subscriber(tel[1], tel[2], country)
    sip = _SIP.fullmatch(uri)
    if sip is None or sip[2] is None:
        return None
    number, _, params = sip[2].partition(";")
    plain = _unescape(number)
    is_number = plain.startswith("+") or "user=phone" in sip[4].lower().split(";")
    if is_number or (bare_digits and _BARE_DIGITS.fullmatch(plain)):
        return _subscriber(number, ";" + params, country)
    return None


def canonical_uri(uri: str) -> str:
    """
    Bring a URI to its canonical form (RFC 8224 §8.5): sip and sips in lower case, without password, port,
    parameters and headers, escapes undone where they hide unreserved characters. Of other URIs only the scheme
    (and of urn:service: all) becomes lower case. Raises MalformedError where it is no URI.
    """
    if len(uri) > MAX_URI:
        raise MalformedError("URI: too long")
    if (sip := _SIP.fullmatch(uri)) is not None:
        user = _canonical_user(sip[2]) + "@" if sip[2] else ""
        return f"{sip[1].lower()}:{user}{sip[3].lower()}"
    other = _ABSOLUTE.fullmatch(uri)
    if other is None or other[1].lower() in ("sip", "sips"):
        raise MalformedError("URI: malformed")
    scheme, rest = other[1].lower(), other[2]
    return f"{scheme}:{rest.lower() if scheme == 'urn' and _SERVICE.fullmatch(rest) else rest}"


def _with_country(digits: str, country: str) -> str:
    if not country or digits.startswith(country) or not _NATIONAL.fullmatch(digits):
        return digits
    number = country + digits
    return number if _NUMBER.fullmatch(number) else digits


def _subscriber(number: str, params: str, country: str) -> str | None:
    """Read the number and parameters of a telephone-subscriber (RFC 3966 §3)."""
    plain = _unescape(number)
    if not plain.startswith("+"):
        plain = _global_context(params) + plain
    return canonical_number(plain, country)


def _global_context(params: str) -> str:
    """The value of ;phone-context where it is a global number and not a domain, else ""."""
    for param in params.split(";"):
        name, _, value = param.partition("=")
        context = _unescape(value)
        if name.lower() == "phone-context" and context.startswith("+"):
            return context
    return ""


def _unescape(text: str) -> str:
    """Undo escapes; what is none stays. Only digits, "+" and the like will do afterwards, so no escape can hide."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)


def _canonical_user(user: str) -> str:
    if user.count("%") != len(_ESCAPE.findall(user)):
        raise MalformedError("URI: malformed escape")
    return _ESCAPE.sub(_canonical_escape, user.lower())


def _canonical_escape(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16)).lower()
    return char if char in _UNRESERVED else match[0].upper()
