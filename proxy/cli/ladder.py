"""The SIP ladder of a call: who sent what to whom, and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from proxy.cli.table import pad, visible, width

TIME: Final = 10  # columns for the offset
LANE: Final = 34  # columns between two lines of life
PROXY: Final = "trunkward"


def draw(messages: Sequence[Sequence[Any]], caller: str) -> list[str]:
    """
    Draw `messages` ([ms since the INVITE, "in" or "out", peer, text] each) as lines of text.

    The caller's side stands left (whatever port of its host), the node in the middle, every other peer right of it.
    """
    others = list(dict.fromkeys(str(item[2]) for item in messages if str(item[2]) != caller))
    others = [peer for peer in others if not _same_host(peer, caller)] or others
    callee = others[0] if others else ""
    lines = [_names(visible(caller), visible(callee))]
    for offset, way, peer, what in messages:
        left = str(peer) != callee and _same_host(str(peer), caller)
        to_the_right = (way == "in") == left
        arrow = _arrow(visible(str(what)), to_the_right=to_the_right)
        blank = " " * (LANE - 1)
        lanes = (arrow, blank) if left else (blank, arrow)
        note = "" if str(peer) in (caller, callee) else f"  {visible(str(peer))}"
        right = f"{lanes[1]}|" if callee else ""
        lines.append(f"{_offset(int(offset)):>{TIME - 2}}  |{lanes[0]}|{right}{note}")
    return [line.rstrip() for line in lines]


def _names(caller: str, callee: str) -> str:
    return (" " * TIME) + pad(_cut(caller, LANE - 2), LANE) + pad(PROXY, LANE) + callee


def _arrow(text: str, *, to_the_right: bool) -> str:
    room = LANE - 1
    text = _cut(text, room - 6)
    dashes = room - width(text) - 3
    before, after = dashes // 2, dashes - dashes // 2
    body = f"{'-' * before} {text} {'-' * after}"
    return f"{body}>" if to_the_right else f"<{body}"


def _cut(text: str, most: int) -> str:
    while width(text) > most:
        text = text[:-2] + "…"
    return text


def _same_host(one: str, other: str) -> bool:
    return one.rpartition(":")[0] == other.rpartition(":")[0]


def _offset(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"
