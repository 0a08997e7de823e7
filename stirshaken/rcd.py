"""
Rich call data (RFC 9795): the claims rcd, rcdi and crn of a PASSporT, and that what they refer to is what was signed.

The full text of the RFC could not be had: this follows summaries and what is known of its drafts, the stricter way.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from stirshaken import canonical
from stirshaken.errors import MalformedError
from stirshaken.findings import Check
from stirshaken.numbers import canonical_number

CLAIMS: Final = frozenset({"rcd", "rcdi", "crn"})
MAX_DIGESTS: Final = 32  # a jCard has a photo, a logo, a sound or two
MAX_CONTENT: Final = 1 << 20  # octets of one referenced part; larger ones are not hashed on a call's way
# Controls, and what turns the order of text round: it would end up on a display, and show another name
_UNSHOWN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_URL: Final = re.compile(r"https://[\x21\x23-\x3b\x3d\x3f-\x7e]{1,2040}")
_SIZES: Final = {"sha256": 32, "sha384": 48, "sha512": 64}
#   digest  =  algorithm "-" base64          as in subresource integrity; seen with and without padding
_DIGEST: Final = re.compile(r"(sha256|sha384|sha512)-([A-Za-z0-9+/_\-]{43,86})={0,2}")
#   json-pointer  =  *( "/" reference-token )          (RFC 6901 §3); a jCard is arrays all the way to its URLs
_POINTER: Final = re.compile(r"/(?:icn|jcd|jcl)(?:/(?:0|[1-9][0-9]{0,3})){0,12}")


def judge(claims: Mapping[str, Any], contents: Mapping[str, bytes], *, required: bool) -> Iterator[Check]:
    """
    Check the claims for form, and each digest. Nothing is fetched.

    Args:
        claims: Of the token.
        contents: What stands at the URLs that the claims name (`urls`), as far as somebody fetched it; the integrity
            of others is a check that could not be made.
        required: Whether there has to be an rcd claim, as in a token of that kind.
    """
    if required or "rcd" in claims:
        yield _as_check("rcd", lambda: _check_rcd(claims.get("rcd")))
    if "crn" in claims:
        yield _as_check("rcd.crn", lambda: _check_text("crn", claims["crn"]))
    if "rcdi" in claims:
        yield from _integrity(claims, contents)
    elif urls(claims):
        yield Check("rcd.integrity", None, "no digest of what is at a URL", counts=False)


def urls(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """What rich call data refers to directly: the URLs of icn and jcl, and those that digests point to in jcd."""
    rich = claims.get("rcd")
    if not isinstance(rich, dict):
        return ()
    named = [rich.get("icn"), rich.get("jcl")]
    digests = claims.get("rcdi")
    for pointer in list(digests)[:MAX_DIGESTS] if isinstance(digests, dict) else ():
        if pointer.startswith("/jcd/") and _POINTER.fullmatch(pointer):
            try:
                named.append(_at(rich.get("jcd"), pointer.split("/")[2:]))
            except MalformedError:
                continue
    return tuple(dict.fromkeys(each for each in named if isinstance(each, str) and _URL.fullmatch(each)))


def _as_check(name: str, check: Callable[[], None]) -> Check:
    try:
        check()
    except MalformedError as error:
        return Check(name, False, error.reason)
    return Check(name, True)


def _check_rcd(value: object) -> None:
    """Members: nam, which must be there and may be empty; apn, icn, one of jcd and jcl; others mean nothing here."""
    if not isinstance(value, dict):
        raise MalformedError("rcd is no object")
    _check_text("nam", value.get("nam"))
    if "apn" in value and (not isinstance(value["apn"], str) or canonical_number(value["apn"]) is None):
        raise MalformedError("apn is no telephone number")
    for name in ("icn", "jcl"):
        if name in value and not (isinstance(value[name], str) and _URL.fullmatch(value[name])):
            raise MalformedError(f"{name} is no https URL")
    if "jcd" in value and "jcl" in value:
        raise MalformedError("rcd has both jcd and jcl")
    if "jcd" in value:
        _check_card(value["jcd"])


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise MalformedError(f"{name} is no text")
    if _UNSHOWN.search(value):
        raise MalformedError(f"{name} has control characters")


def _check_card(value: object) -> None:
    """RFC 7095 §3.2: `vcard` and an array of properties, each of name, parameters, type and value."""
    if not isinstance(value, list) or len(value) != 2 or value[0] != "vcard" or not isinstance(value[1], list):
        raise MalformedError("jcd is no jCard")
    for each in value[1]:
        if not (isinstance(each, list) and len(each) >= 4 and isinstance(each[0], str) and isinstance(each[1], dict)):
            raise MalformedError("jcd has a property that is none")


def _integrity(claims: Mapping[str, Any], contents: Mapping[str, bytes]) -> Iterator[Check]:
    digests, rich = claims["rcdi"], claims.get("rcd")
    if not isinstance(digests, dict) or not 1 <= len(digests) <= MAX_DIGESTS or not isinstance(rich, dict):
        yield Check("rcd.integrity", False, "rcdi is no object of digests, or there is no rcd")
        return
    yield Check("rcd.integrity", True)
    for pointer, digest in digests.items():
        yield _digest(pointer, digest, rich, contents)
    for name in ("icn", "jcl"):
        if name in rich and f"/{name}" not in digests:
            yield Check(f"rcd.integrity/{name}", False, f"rcdi has no digest of {name}")


def _digest(pointer: str, digest: object, rich: Mapping[str, Any], contents: Mapping[str, bytes]) -> Check:
    """Hold one part against its digest; the name of the check has the pointer only where it is a sound one."""
    if not _POINTER.fullmatch(pointer):
        return Check("rcd.integrity/?", False, "rcdi points to nothing that rcd has")
    name = f"rcd.integrity{pointer}"
    try:
        algorithm, expected = _read(digest)
        octets = _part(pointer, rich, contents)
        if octets is None:
            return Check(name, None, "nobody fetched it", counts=False)
        if len(octets) > MAX_CONTENT:
            return Check(name, False, "too large")
        ok = hashlib.new(algorithm, octets).digest() == expected
    except MalformedError as error:
        return Check(name, False, error.reason)
    return Check(name, ok, "" if ok else "digest is another one")


def _read(digest: object) -> tuple[str, bytes]:
    match = _DIGEST.fullmatch(digest) if isinstance(digest, str) else None
    if match is None:
        raise MalformedError("digest is none")
    text = match[2].translate(str.maketrans("-_", "+/"))
    try:
        octets = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise MalformedError("digest is no base64") from None
    if len(octets) != _SIZES[match[1]]:
        raise MalformedError("digest is of a wrong length")
    return match[1], octets


def _part(pointer: str, rich: Mapping[str, Any], contents: Mapping[str, bytes]) -> bytes | None:
    """
    The octets that a digest is of: /jcd the card itself in canonical JSON, all else what is at a URL; None where
    nobody fetched that. Raises MalformedError where the pointer leads to neither.
    """
    _, name, *rest = pointer.split("/")
    if name not in rich:
        raise MalformedError("rcdi points to nothing that rcd has")
    value = rich[name]
    if name == "jcd" and not rest:
        return canonical.encode(value)
    if name == "icn" and rest:
        raise MalformedError("rcdi points into icn")
    if name == "jcl" and rest:
        card = contents.get(value) if isinstance(value, str) else None
        if card is None:
            return None
        value = _card(card)
    place = _at(value, rest)
    if not isinstance(place, str) or not _URL.fullmatch(place):
        raise MalformedError("rcdi points to what is no https URL")
    return contents.get(place)


def _card(octets: bytes) -> object:
    """Read a jCard that stood at a URL: an array, which the reader of tokens takes only within an object."""
    found = canonical.decode(b'{"jcl":' + octets + b"}")
    if found.keys() != {"jcl"}:
        raise MalformedError("jcl is no jCard")
    _check_card(found["jcl"])
    return found["jcl"]


def _at(value: object, tokens: list[str]) -> object:
    """What a JSON pointer leads to (RFC 6901 §4). Raises MalformedError."""
    for token in tokens:
        if not isinstance(value, list) or int(token) >= len(value):
            raise MalformedError("rcdi points to nothing that rcd has")
        value = value[int(token)]
    return value
