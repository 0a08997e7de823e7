"""The INVITE server transaction (RFC 3261 §17.2.1, RFC 6026 §7.1, §8.5)."""

from __future__ import annotations

from typing import Final

from proxy.transaction.arrows import (
    ACCEPTED,
    ACK,
    COMPLETED,
    CONFIRMED,
    FAILURE,
    PASS_UP,
    PROCEEDING,
    PROVISIONAL,
    REQUEST,
    RESEND,
    SEND,
    STOP,
    SUCCESS,
    TERMINATED,
    TIMER_G,
    TIMER_H,
    TIMER_I,
    TIMER_L,
    TRANSPORT_ERROR,
    UNREACHABLE,
    Table,
)

START: Final = PROCEEDING
TABLE: Final[Table] = {
    PROCEEDING: {
        REQUEST: (PROCEEDING, (RESEND,)),
        PROVISIONAL: (PROCEEDING, (SEND,)),
        SUCCESS: (ACCEPTED, (SEND, TIMER_L)),
        FAILURE: (COMPLETED, (SEND, TIMER_G, TIMER_H)),
        TRANSPORT_ERROR: (TERMINATED, (STOP, UNREACHABLE)),
    },
    ACCEPTED: {  # RFC 6026 §7.1: absorbs INVITE retransmissions, lets every 2xx and ACK through
        REQUEST: (ACCEPTED, ()),
        SUCCESS: (ACCEPTED, (SEND,)),
        ACK: (ACCEPTED, (PASS_UP,)),
        TIMER_L: (TERMINATED, ()),
        TRANSPORT_ERROR: (ACCEPTED, ()),  # RFC 6026 §8.5: no transition; the UAS core retransmits
    },
    COMPLETED: {
        REQUEST: (COMPLETED, (RESEND,)),
        ACK: (CONFIRMED, (STOP, TIMER_I)),
        TIMER_G: (COMPLETED, (RESEND, TIMER_G)),
        TIMER_H: (TERMINATED, (STOP,)),
        TRANSPORT_ERROR: (TERMINATED, (STOP, UNREACHABLE)),
    },
    CONFIRMED: {
        REQUEST: (CONFIRMED, ()),
        ACK: (CONFIRMED, ()),
        TIMER_I: (TERMINATED, ()),
    },
    TERMINATED: {},
}
