"""Parse errors."""

from __future__ import annotations

from proxy.sip.errors import ParseError


def test_it_reads_as_its_reason() -> None:
    error = ParseError("via", "Malformed Via header field")

    assert (str(error), error.kind, error.status, error.message) == (
        "Malformed Via header field",
        "via",
        400,
        None,
    )
