"""The words that the four transaction tables are written in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

# A table maps state → event → (next state, actions). A pair that is not listed is ignored.
Step: TypeAlias = tuple[str, tuple[str, ...]]
Table: TypeAlias = Mapping[str, Mapping[str, Step]]

# States
TRYING: Final = "Trying"
CALLING: Final = "Calling"
PROCEEDING: Final = "Proceeding"
ACCEPTED: Final = "Accepted"
COMPLETED: Final = "Completed"
CONFIRMED: Final = "Confirmed"
TERMINATED: Final = "Terminated"

# Events from the wire or from the transaction user
REQUEST: Final = "request"  # the request again: a retransmission
ACK: Final = "ACK"
PROVISIONAL: Final = "1xx"
SUCCESS: Final = "2xx"
FAILURE: Final = "300-699"
TRANSPORT_ERROR: Final = "transport error"
# Timers fire as events named after the RFC's letters
TIMER_A: Final = "timer A"
TIMER_B: Final = "timer B"
TIMER_D: Final = "timer D"
TIMER_E: Final = "timer E"
TIMER_F: Final = "timer F"
TIMER_G: Final = "timer G"
TIMER_H: Final = "timer H"
TIMER_I: Final = "timer I"
TIMER_J: Final = "timer J"
TIMER_K: Final = "timer K"
TIMER_L: Final = "timer L"
TIMER_M: Final = "timer M"

# Actions; arming a timer is the timer's own name
SEND: Final = "send"  # put the message of this event on the wire and keep it for retransmission
RESEND: Final = "resend"  # the kept message again
ACKNOWLEDGE: Final = "acknowledge"  # send the ACK of a non-2xx final response
PASS_UP: Final = "pass up"  # noqa: S105  # give the event to the transaction user
STOP: Final = "stop timers"  # cancel every timer of this transaction
TIMED_OUT: Final = "timed out"  # tell the transaction user
UNREACHABLE: Final = "unreachable"  # tell the transaction user
