"""Every arrow of RFC 3261 §17 and RFC 6026, written out from the figures, against the four tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.transaction import client_invite, client_non_invite, server_invite, server_non_invite
from proxy.transaction.arrows import TERMINATED, Table

# figure → "state --event--> state: actions"; an arrow that is not here must not be in the table
FIGURES = {
    "client_invite": """
        Calling --timer A--> Calling: resend, timer A
        Calling --timer B--> Terminated: stop timers, timed out
        Calling --1xx--> Proceeding: stop timers, pass up
        Calling --2xx--> Accepted: stop timers, pass up, timer M
        Calling --300-699--> Completed: stop timers, acknowledge, pass up, timer D
        Calling --transport error--> Terminated: stop timers, unreachable
        Proceeding --1xx--> Proceeding: pass up
        Proceeding --2xx--> Accepted: pass up, timer M
        Proceeding --300-699--> Completed: acknowledge, pass up, timer D
        Accepted --2xx--> Accepted: pass up
        Accepted --timer M--> Terminated:
        Completed --300-699--> Completed: acknowledge
        Completed --timer D--> Terminated:
        Completed --transport error--> Terminated: stop timers, unreachable
    """,
    "client_non_invite": """
        Trying --timer E--> Trying: resend, timer E
        Trying --timer F--> Terminated: stop timers, timed out
        Trying --1xx--> Proceeding: pass up
        Trying --2xx--> Completed: stop timers, pass up, timer K
        Trying --300-699--> Completed: stop timers, pass up, timer K
        Trying --transport error--> Terminated: stop timers, unreachable
        Proceeding --timer E--> Proceeding: resend, timer E
        Proceeding --timer F--> Terminated: stop timers, timed out
        Proceeding --1xx--> Proceeding: pass up
        Proceeding --2xx--> Completed: stop timers, pass up, timer K
        Proceeding --300-699--> Completed: stop timers, pass up, timer K
        Proceeding --transport error--> Terminated: stop timers, unreachable
        Completed --timer K--> Terminated:
    """,
    "server_invite": """
        Proceeding --request--> Proceeding: resend
        Proceeding --1xx--> Proceeding: send
        Proceeding --2xx--> Accepted: send, timer L
        Proceeding --300-699--> Completed: send, timer G, timer H
        Proceeding --transport error--> Terminated: stop timers, unreachable
        Accepted --request--> Accepted:
        Accepted --2xx--> Accepted: send
        Accepted --ACK--> Accepted: pass up
        Accepted --timer L--> Terminated:
        Accepted --transport error--> Accepted:
        Completed --request--> Completed: resend
        Completed --ACK--> Confirmed: stop timers, timer I
        Completed --timer G--> Completed: resend, timer G
        Completed --timer H--> Terminated: stop timers
        Completed --transport error--> Terminated: stop timers, unreachable
        Confirmed --request--> Confirmed:
        Confirmed --ACK--> Confirmed:
        Confirmed --timer I--> Terminated:
    """,
    "server_non_invite": """
        Trying --request--> Trying:
        Trying --1xx--> Proceeding: send
        Trying --2xx--> Completed: send, timer J
        Trying --300-699--> Completed: send, timer J
        Proceeding --request--> Proceeding: resend
        Proceeding --1xx--> Proceeding: send
        Proceeding --2xx--> Completed: send, timer J
        Proceeding --300-699--> Completed: send, timer J
        Proceeding --transport error--> Terminated: stop timers, unreachable
        Completed --request--> Completed: resend
        Completed --timer J--> Terminated:
        Completed --transport error--> Terminated: stop timers, unreachable
    """,
}
TABLES: dict[str, Table] = {
    "client_invite": client_invite.TABLE,
    "client_non_invite": client_non_invite.TABLE,
    "server_invite": server_invite.TABLE,
    "server_non_invite": server_non_invite.TABLE,
}


def arrows(table: Table) -> set[str]:
    return {
        f"{state} --{event}--> {following}: {', '.join(actions)}".rstrip()
        for state, events in table.items()
        for event, (following, actions) in events.items()
    }


@pytest.mark.parametrize("name", TABLES)
def test_every_arrow_of_the_figure_and_no_other(name: str) -> None:
    expected = {line.strip() for line in FIGURES[name].strip().splitlines()}

    assert arrows(TABLES[name]) == expected


@pytest.mark.parametrize("name", TABLES)
def test_every_state_has_a_way_to_its_end(name: str) -> None:
    """All but the states that wait for the transaction user, who ends them."""
    table = TABLES[name]
    ends = {TERMINATED}
    while more := {state for state, events in table.items() if {to for to, _ in events.values()} & ends} - ends:
        ends |= more

    assert ends == set(table)


@pytest.mark.parametrize("name", TABLES)
def test_nothing_leaves_terminated(name: str) -> None:
    assert TABLES[name][TERMINATED] == {}


EVENTS = sorted({event for table in TABLES.values() for events in table.values() for event in events})


@given(st.sampled_from(sorted(TABLES)), st.lists(st.sampled_from(EVENTS), max_size=30))
def test_any_events_stay_within_the_table(name: str, events: list[str]) -> None:
    table = TABLES[name]
    state = next(iter(table))
    for event in events:
        state = table[state].get(event, (state, ()))[0]
        assert state in table
