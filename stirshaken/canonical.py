"""The JSON of PASSporTs: written in the one form of RFC 8225 §9, read strictly (RFC 8259, RFC 7493)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from stirshaken.errors import MalformedError

# A SHAKEN payload is some 200 octets, a div-o that carries another token 1500; SIP over UDP ends at 64 KiB.
MAX_OCTETS: Final = 8 * 1024
# A jCard inside an rcd claim needs 7 levels. Far below Python's recursion limit, wherever we are called from.
MAX_DEPTH: Final = 16
# RFC 7493 §2.2: beyond this another reader may see another number.
MAX_INTEGER: Final = 2**53 - 1

# A string (unterminated ones up to the end, so that no search starts over) or one of the four brackets.
_STRUCTURE: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_STEPS: Final = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def encode(value: object) -> bytes:
    """
    Write canonical JSON: members sorted by the code points of their names, at every depth, no white space, UTF-8.

    `value` is made of dict with str names, list, str, int, bool and None. Strings have the fewest escapes (RFC 8785
    §3.2.2.2). Raises MalformedError for anything else: a float, an integer beyond RFC 7493's range, a lone
    surrogate, too deep, too long.
    """
    _check(value, MAX_DEPTH)
    text = _ENCODER.encode(value)
    try:
        octets = text.encode()
    except UnicodeEncodeError as error:
        raise MalformedError("JSON: lone surrogate") from error
    return _bounded(octets)


def decode(octets: bytes, limit: int = MAX_OCTETS) -> dict[str, Any]:
    """
    Read one JSON object. Raises MalformedError for what is none, and for what two readers may read differently:
    a name twice in one object, NaN and infinities (1e999 too), integers beyond RFC 7493's range, lone surrogates,
    a byte order mark, an encoding other than UTF-8; also for more than `limit` octets or MAX_DEPTH.
    """
    brackets = _bounded(octets, limit).count(b"[") + octets.count(b"{")
    if brackets > MAX_DEPTH and _depth(octets) > MAX_DEPTH:  # so few cannot nest deeper
        raise MalformedError("JSON: too deep")
    try:
        value = _DECODER.decode(octets.decode())
        if b"\\u" in octets:  # only an escape can have made a lone surrogate, and UTF-8 cannot write one
            json.dumps(value, ensure_ascii=False).encode()
    except MalformedError:
        raise
    except ValueError as error:  # of the JSON, of UTF-8
        raise MalformedError("JSON: malformed") from error
    if not isinstance(value, dict):
        raise MalformedError("JSON: not an object")
    return value


def is_canonical(octets: bytes) -> bool:
    """Whether octets are the one form in which their object is written; False for what is no object at all."""
    try:
        return encode(decode(octets)) == octets
    except MalformedError:
        return False


def _bounded(octets: bytes, limit: int = MAX_OCTETS) -> bytes:
    if len(octets) > limit:
        raise MalformedError("JSON: too long")
    return octets


def _check(value: object, room: int) -> None:
    """Raise MalformedError where a value holds what has no canonical form, or more than `room` levels."""
    if value is None or isinstance(value, str | bool):
        return
    if isinstance(value, int):
        _check_integer(value)
    elif not isinstance(value, dict | list):
        raise MalformedError("JSON: a value without canonical form")
    elif room == 0:
        raise MalformedError("JSON: too deep")
    elif isinstance(value, dict):
        _check_members(value, room - 1)
    else:
        for item in value:
            _check(item, room - 1)


def _check_members(members: Mapping[Any, object], room: int) -> None:
    for name, value in members.items():
        if not isinstance(name, str):
            raise MalformedError("JSON: a name that is no text")
        _check(value, room)


def _check_integer(value: int) -> int:
    if abs(value) > MAX_INTEGER:
        raise MalformedError("JSON: integer out of range")
    return value


def _depth(octets: bytes) -> int:
    """How deep brackets are nested, counted before a recursive reader sees them; strings are skipped."""
    depth = deepest = 0
    for match in _STRUCTURE.finditer(octets):
        depth += _STEPS.get(match[0], 0)
        deepest = max(deepest, depth)
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedError("JSON: a name stands twice")
    return members


def _integer(digits: str) -> int:
    if len(digits) > len(str(-MAX_INTEGER)):  # int() refuses some thousands of digits with an error of its own
        raise MalformedError("JSON: integer out of range")
    return _check_integer(int(digits))


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise MalformedError("JSON: number out of range")
    return number


def _constant(_name: str) -> NoReturn:
    raise MalformedError("JSON: NaN and Infinity are no JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_number,
    parse_constant=_constant,
)
