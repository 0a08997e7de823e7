"""Addresses on the command line of the control process."""

from __future__ import annotations

import pytest

from proxy.admin.process import address_of, text_of


@pytest.mark.parametrize(("address", "text"), [(("127.0.0.1", 9464), "127.0.0.1:9464"), (("::1", 8080), "[::1]:8080")])
def test_addresses(address: tuple[str, int], text: str) -> None:
    assert text_of(address) == text
    assert address_of(text) == address
