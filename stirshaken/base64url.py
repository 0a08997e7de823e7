"""base64url without padding (RFC 7515 §2, RFC 4648 §5), read so strictly that each value has one spelling."""

from __future__ import annotations

import base64
import binascii

from stirshaken.errors import MalformedError


def encode(octets: bytes) -> str:
    """Write octets as base64url without "="."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def decode(text: bytes) -> bytes:
    """
    Read base64url. Raises MalformedError where `text` is not what `encode` writes: padding, white space, "+" or
    "/", a length that nothing encodes to, bits behind the last octet (RFC 4648 §3.5).

    Python's decoder drops what it does not know; writing its answer again shows that nothing was dropped. The
    work is linear in the length, which the caller bounds.
    """
    try:
        octets = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error as error:
        raise MalformedError("base64url: impossible length") from error
    if encode(octets).encode("ascii") != text:
        raise MalformedError("base64url: padding, foreign characters or stray bits")
    return octets
