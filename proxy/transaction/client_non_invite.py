"""The non-INVITE client transaction (RFC 3261 §17.1.2)."""

from __future__ import annotations

from typing import Final

from proxy.transaction.arrows import (
    COMPLETED,
    FAILURE,
    PASS_UP,
    PROCEEDING,
    PROVISIONAL,
    RESEND,
    STOP,
    SUCCESS,
    TERMINATED,
    TIMED_OUT,
    TIMER_E,
    TIMER_F,
    TIMER_K,
    TRANSPORT_ERROR,
    TRYING,
    UNREACHABLE,
    Table,
)

START: Final = TRYING
TABLE: Final[Table] = {
    TRYING: {
        TIMER_E: (TRYING, (RESEND, TIMER_E)),
        TIMER_F: (TERMINATED, (STOP, TIMED_OUT)),
        PROVISIONAL: (PROCEEDING, (PASS_UP,)),
        SUCCESS: (COMPLETED, (STOP, PASS_UP, TIMER_K)),
        FAILURE: (COMPLETED, (STOP, PASS_UP, TIMER_K)),
        TRANSPORT_ERROR: (TERMINATED, (STOP, UNREACHABLE)),
    },
    PROCEEDING: {
        TIMER_E: (PROCEEDING, (RESEND, TIMER_E)),
        TIMER_F: (TERMINATED, (STOP, TIMED_OUT)),
        PROVISIONAL: (PROCEEDING, (PASS_UP,)),
        SUCCESS: (COMPLETED, (STOP, PASS_UP, TIMER_K)),
        FAILURE: (COMPLETED, (STOP, PASS_UP, TIMER_K)),
        TRANSPORT_ERROR: (TERMINATED, (STOP, UNREACHABLE)),
    },
    COMPLETED: {
        TIMER_K: (TERMINATED, ()),
    },
    TERMINATED: {},
}
