"""What can be wrong with an Identity field, a PASSporT or a certificate, before anything is judged."""

from __future__ import annotations


class MalformedError(ValueError):
    """
    Octets or text that are not what their format says.

    `reason` names the fault in ASCII and quotes nothing of the input, so that it can be logged and shown.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
