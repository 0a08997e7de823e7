"""Who may have calls signed and verified: clients with a certificate or a token, or this machine alone."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from proxy.admin.asgi import Request

MAX_CREDENTIALS: Final = 1024  # characters of an Authorization field
CHALLENGE: Final = ("WWW-Authenticate", 'Bearer realm="stir"')


class Access:
    """
    The rule. `anybody` is for an address that only this machine can reach; a browser may be led there by a foreign
    page, so whoever names an Origin is refused.
    """

    def __init__(self, *, tokens: Iterable[bytes] = (), certificates: bool = False, anybody: bool = False) -> None:
        self._tokens = tuple(_digest(token) for token in tokens)
        self._certificates = certificates
        self._anybody = anybody

    def allows(self, request: Request) -> bool:
        """Whether a request is to be served."""
        if self._anybody:
            return request.field(b"origin") is None
        if self._certificates and request.proven:
            return True
        scheme, _, token = (request.field(b"authorization") or "")[:MAX_CREDENTIALS].partition(" ")
        return scheme.lower() == "bearer" and self._knows(token.strip(" "))

    def _knows(self, token: str) -> bool:
        """Compare with every token, and each time in full: how long it takes says nothing."""
        digest = _digest(token.encode())
        return sum(hmac.compare_digest(digest, each) for each in self._tokens) > 0


def _digest(token: bytes) -> bytes:
    return sha256(token).digest()
