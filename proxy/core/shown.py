"""The messages of calls that a capture server is shown: what was received, and what followed from it."""

from __future__ import annotations

from proxy.checks.base import Verdict
from proxy.core.actions import Send, Shown
from proxy.core.state import Context, State
from proxy.sip.message import Message


def is_wanted(shows: str, verdict: Verdict | None) -> bool:
    """Whether a call with this verdict is shown, where those of `shows` are: rejected, would-reject or all."""
    if verdict is None or not shows:
        return False
    return shows == "all" or (verdict.action == "reject" and (verdict.enforced or shows == "would-reject"))


def octets(message: Message) -> bytes:
    """A message as it was received, without what stood before its first line and behind its body."""
    return b"\r\n".join([message.first, *message.lines, b"", message.body])


def report(state: State, context: Context, verdict: Verdict, request: bytes, mark: int, now: float) -> None:
    """Show a request, and the first message that has been sent since there were `mark` actions."""
    own = state.place.listeners[context.listener]
    sent = next((action for action in state.out[mark:] if isinstance(action, Send)), None)
    egress = own if sent is None else state.place.listeners[sent.listener]
    state.report(
        Shown(
            at=now,
            call_id=context.request.call_id.decode("utf-8", "replace"),
            trunk=context.trunk.id,
            verdict=verdict,
            request=request,
            source=context.source,
            listener=(own.host, own.port),
            sent=b"" if sent is None else sent.data,
            egress=(egress.host, egress.port),
            to=context.source if sent is None else sent.to,
            by_stream=(own.is_stream, egress.is_stream),
        )
    )
