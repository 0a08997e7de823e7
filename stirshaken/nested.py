"""PASSporTs within PASSporTs: a diverted call's token that carries the one before it (RFC 8946 §5)."""

from __future__ import annotations

from stirshaken import passport
from stirshaken.claims import DIV_O, MAX_LINKS
from stirshaken.errors import MalformedError
from stirshaken.passport import Passport


def unfold(token: Passport) -> tuple[Passport, ...]:
    """
    Give a token and all that it carries, the outermost first; any token but div-o carries nothing.

    Raises MalformedError where one within has not the full form, or there are more than MAX_LINKS diversions; a kind
    of token that may not stand within is not looked at.
    """
    layers = [token]
    while layers[-1].ppt == DIV_O:
        if len(layers) > MAX_LINKS:
            raise MalformedError("token: opt is too deep")
        layers.append(within(layers[-1]))
    return tuple(layers)


def within(token: Passport) -> Passport:
    """Read what a div-o token carries. Raises MalformedError."""
    value = token.claims.get("opt")
    if not isinstance(value, str) or not value.isascii():
        raise MalformedError("token: opt is no PASSporT")
    return passport.decode(value.encode("ascii"))
