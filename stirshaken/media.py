"""The keys of a call's media: fingerprints in its SDP (RFC 8122 §5), and the claim of them (RFC 8225 §5.2.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from stirshaken.errors import MalformedError

Fingerprint: TypeAlias = tuple[str, str]
"""Hash function in lower case, digest as capital hexadecimal digits without colons."""

MAX_BODY: Final = 64 * 1024  # octets; no UDP datagram holds more
MAX_FINGERPRINTS: Final = 64  # different ones in one body or claim; a call with video and fallbacks has some four
MAX_PARTS: Final = 32
MAX_NESTED: Final = 3  # multipart in multipart
SDP: Final = "application/sdp"

#   fingerprint-attribute  =  "fingerprint" ":" hash-func SP fingerprint          (RFC 8122 §5)
# Names are read in any case and blanks generously: what some endpoint may take for a key has to be seen here.
_ATTRIBUTE: Final = re.compile(
    rb"[ \t]*+a[ \t]*+=[ \t]*+fingerprint[ \t]*+:[ \t]*+([!-9;-~]{1,32}+)[ \t]++"
    rb"([0-9A-Fa-f]{2}(?::?[0-9A-Fa-f]{2}){0,127}+)[ \t]*+",
    re.IGNORECASE,
)
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_ALG: Final = re.compile(r"[!-~]{1,32}")
_DIGEST: Final = re.compile(r"(?:[0-9A-Fa-f]{2}:?){1,128}")
#   boundary  :=  0*69<bchars> bcharsnospace          (RFC 2046 §5.1.1)
_BOUNDARY: Final = re.compile(
    r";[ \t]*boundary[ \t]*=[ \t]*(?:\"([0-9A-Za-z'()+_,\-./:=? ]{1,70})\"|([0-9A-Za-z'()+_,\-./:=?]{1,70}))",
    re.IGNORECASE,
)
_TYPE: Final = re.compile(rb"^(?:content-type|c)[ \t]*+:[ \t]*+([^\r\n]{1,1024}+)$", re.IGNORECASE | re.MULTILINE)
_HEAD_END: Final = re.compile(rb"(?:\A|\r?\n)\r?\n")


def fingerprints(body: bytes, content_type: str = SDP) -> tuple[Fingerprint, ...]:
    """
    Read the fingerprints of a body, each once, sorted. Never raises.

    Args:
        body: SDP, or multipart with SDP in it; of another kind, or too large, it has none.
        content_type: What its Content-Type field says, parameters included.
    """
    if len(body) > MAX_BODY:
        return ()
    found = {each for sdp in _descriptions(body, content_type, MAX_NESTED) for each in _lines(sdp)}
    return tuple(sorted(found)[: MAX_FINGERPRINTS + 1])  # one more than any claim has: it differs from all of them


def claim(found: Iterable[Fingerprint]) -> list[dict[str, str]]:
    """Write fingerprints as the claim `mky`: sorted by function and digest (RFC 8225 §5.2.2)."""
    return [{"alg": alg, "dig": digest} for alg, digest in sorted(set(found))]


def claimed(value: object) -> frozenset[Fingerprint]:
    """
    Read the claim `mky`: one object or more, each of `alg` and `dig`. Raises MalformedError.

    Letters may be in either case and colons may stand between octets: signers differ, the key is the same.
    """
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_FINGERPRINTS:
        raise MalformedError("token: mky is no array of keys")
    return frozenset(map(_key, value))


def _key(value: object) -> Fingerprint:
    if not isinstance(value, dict) or value.keys() != {"alg", "dig"}:
        raise MalformedError("token: a key of mky is not alg and dig")
    alg, digest = value["alg"], value["dig"]
    if not (isinstance(alg, str) and isinstance(digest, str) and _ALG.fullmatch(alg) and _DIGEST.fullmatch(digest)):
        raise MalformedError("token: a key of mky has no function or no digest")
    return alg.lower(), digest.replace(":", "").upper()


def _lines(sdp: bytes) -> Iterator[Fingerprint]:
    for line in _LINE_END.split(sdp):
        match = _ATTRIBUTE.fullmatch(line)
        if match is not None:
            yield match[1].decode("ascii").lower(), match[2].replace(b":", b"").decode("ascii").upper()


def _descriptions(body: bytes, content_type: str, room: int) -> Iterator[bytes]:
    """Every SDP in a body."""
    kind = content_type.partition(";")[0].strip(" \t").lower()
    if kind == SDP:
        yield body
    boundary = _BOUNDARY.search(content_type) if kind.startswith("multipart/") and room else None
    if boundary is None:
        return
    mark = (boundary[1] or boundary[2]).encode("ascii")
    # RFC 2046 §5.1.1: a delimiter stands at the beginning of a line; what is before the first is no part.
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + re.escape(mark) + rb"(?=--|[ \t]*+\r?\n)")
    for part in delimiter.split(body, MAX_PARTS + 1)[1 : MAX_PARTS + 1]:
        if part.startswith(b"--"):
            return
        yield from _part(part.partition(b"\n")[2], room - 1)


def _part(part: bytes, room: int) -> Iterator[bytes]:
    """What a part holds; without a type it is text (RFC 2046 §5.1)."""
    end = _HEAD_END.search(part)
    if end is None:
        return
    kind = _TYPE.search(part[: end.start()].replace(b"\r\n", b"\n"))
    if kind is not None:
        yield from _descriptions(part[end.end() :], kind[1].decode("latin-1"), room)
