"""What a store refuses, and why."""

from __future__ import annotations


class StoreError(Exception):
    """Something that a store does not do; `message_key` is its text in the catalogue, `values` fill it."""

    def __init__(self, message_key: str, **values: object) -> None:
        super().__init__(message_key, values)
        self.message_key = message_key
        self.values = values
