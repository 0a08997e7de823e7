"""Files of PEM blocks (RFC 7468): certificates and revocation lists, cut apart before anything reads them."""

from __future__ import annotations

import re
from typing import Final

from stirshaken.errors import MalformedError

CERTIFICATE: Final = b"CERTIFICATE"
CRL: Final = b"X509 CRL"

# The body is base64 in lines; what may stand around blocks is explanatory text (RFC 7468 §2), as openssl writes it.
_BLOCK: Final = re.compile(
    rb"-----BEGIN (CERTIFICATE|X509 CRL)-----[ \t]*\r?\n([A-Za-z0-9+/=\r\n \t]+)-----END \1-----"
)
_RULE: Final = b"-----"


def blocks(octets: bytes, most_octets: int) -> list[tuple[bytes, bytes]]:
    """
    Cut a file into its blocks: (label, the block with its two lines), labels CERTIFICATE and X509 CRL.

    Raises MalformedError where the file is larger than `most_octets`, holds a block of another kind (such as a
    private key, which nobody should have put there) or half a block, or has NUL octets.
    """
    if len(octets) > most_octets:
        raise MalformedError("PEM file is too large")
    around = _BLOCK.sub(b"", octets)
    if _RULE in around or b"\0" in around:
        raise MalformedError("PEM file holds something else than whole certificates and revocation lists")
    return [(found[1], found[0]) for found in _BLOCK.finditer(octets)]
