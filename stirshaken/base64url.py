"""base64url without padding (RFC 7515 §2, RFC 4648 §5), read so strictly that each value has one spelling."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from stirshaken.errors import MalformedError

_CHARACTERS: Final = re.compile(rb"[A-Za-z0-9_\-]*+")
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
# Of two or three characters left over, which ones can be last: those with no bit set behind the last octet.
_LAST: Final = {0: None, 2: frozenset(b"AQgw"), 3: frozenset(b"AEIMQUYcgkosw048")}


def encode(octets: bytes) -> str:
    """Write octets as base64url without "="."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def decode(text: bytes) -> bytes:
    """
    Read base64url. Raises MalformedError where `text` is not what `encode` writes: padding, white space, "+" or
    "/", a length that nothing encodes to, bits behind the last octet (RFC 4648 §3.5).

    Python's decoder drops what it does not know, so all of this is looked at before it is asked. The work is linear
    in the length, which the caller bounds.
    """
    left = len(text) % 4
    if left == 1:
        raise MalformedError("base64url: impossible length")
    last = _LAST[left]
    if not _CHARACTERS.fullmatch(text) or (last is not None and text[-1] not in last):
        raise MalformedError("base64url: padding, foreign characters or stray bits")
    return binascii.a2b_base64(text.translate(_STANDARD) + b"==")
