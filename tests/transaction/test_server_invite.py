"""Where the machine starts; its arrows are held against the RFC's figure in test_tables.py."""

from __future__ import annotations

from proxy.transaction import server_invite


def test_it_starts_in_the_first_state_of_its_figure() -> None:
    assert next(iter(server_invite.TABLE)) == server_invite.START
