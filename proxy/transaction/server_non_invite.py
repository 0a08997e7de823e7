"""The non-INVITE server transaction (RFC 3261 §17.2.2)."""

from __future__ import annotations

from typing import Final

from proxy.transaction.arrows import (
    COMPLETED,
    FAILURE,
    PROCEEDING,
    PROVISIONAL,
    REQUEST,
    RESEND,
    SEND,
    STOP,
    SUCCESS,
    TERMINATED,
    TIMER_J,
    TRANSPORT_ERROR,
    TRYING,
    UNREACHABLE,
    Table,
)

START: Final = TRYING
TABLE: Final[Table] = {
    TRYING: {
        REQUEST: (TRYING, ()),
        PROVISIONAL: (PROCEEDING, (SEND,)),
        SUCCESS: (COMPLETED, (SEND, TIMER_J)),
        FAILURE: (COMPLETED, (SEND, TIMER_J)),
    },
    PROCEEDING: {
        REQUEST: (PROCEEDING, (RESEND,)),
        PROVISIONAL: (PROCEEDING, (SEND,)),
        SUCCESS: (COMPLETED, (SEND, TIMER_J)),
        FAILURE: (COMPLETED, (SEND, TIMER_J)),
        TRANSPORT_ERROR: (TERMINATED, (STOP, UNREACHABLE)),
    },
    COMPLETED: {
        REQUEST: (COMPLETED, (RESEND,)),
        TIMER_J: (TERMINATED, ()),
        TRANSPORT_ERROR: (TERMINATED, (STOP, UNREACHABLE)),
    },
    TERMINATED: {},
}
