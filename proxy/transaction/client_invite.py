"""The INVITE client transaction (RFC 3261 §17.1.1, RFC 6026 §7.2, §8.4)."""

from __future__ import annotations

from typing import Final

from proxy.transaction.arrows import (
    ACCEPTED,
    ACKNOWLEDGE,
    CALLING,
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
    TIMER_A,
    TIMER_B,
    TIMER_D,
    TIMER_M,
    TRANSPORT_ERROR,
    UNREACHABLE,
    Table,
)

START: Final = CALLING
TABLE: Final[Table] = {
    CALLING: {
        TIMER_A: (CALLING, (RESEND, TIMER_A)),
        TIMER_B: (TERMINATED, (STOP, TIMED_OUT)),
        PROVISIONAL: (PROCEEDING, (STOP, PASS_UP)),
        SUCCESS: (ACCEPTED, (STOP, PASS_UP, TIMER_M)),
        FAILURE: (COMPLETED, (STOP, ACKNOWLEDGE, PASS_UP, TIMER_D)),
        TRANSPORT_ERROR: (TERMINATED, (STOP, UNREACHABLE)),
    },
    PROCEEDING: {
        PROVISIONAL: (PROCEEDING, (PASS_UP,)),
        SUCCESS: (ACCEPTED, (PASS_UP, TIMER_M)),
        FAILURE: (COMPLETED, (ACKNOWLEDGE, PASS_UP, TIMER_D)),
    },
    ACCEPTED: {  # RFC 6026 §7.2: 2xx retransmissions and those of other branches downstream go up
        SUCCESS: (ACCEPTED, (PASS_UP,)),
        TIMER_M: (TERMINATED, ()),
    },
    COMPLETED: {
        FAILURE: (COMPLETED, (ACKNOWLEDGE,)),
        TIMER_D: (TERMINATED, ()),
        TRANSPORT_ERROR: (TERMINATED, (STOP, UNREACHABLE)),
    },
    TERMINATED: {},
}
