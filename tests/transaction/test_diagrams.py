"""docs/transactions.md is printed from the tables: run `python -m tests.transaction.test_diagrams` after a change."""

from __future__ import annotations

from pathlib import Path

from proxy.transaction import client_invite, client_non_invite, server_invite, server_non_invite
from proxy.transaction.arrows import Table

FIGURES: dict[str, tuple[str, Table]] = {
    "INVITE client transaction": ("RFC 3261 §17.1.1, RFC 6026 §7.2", client_invite.TABLE),
    "Non-INVITE client transaction": ("RFC 3261 §17.1.2", client_non_invite.TABLE),
    "INVITE server transaction": ("RFC 3261 §17.2.1, RFC 6026 §7.1", server_invite.TABLE),
    "Non-INVITE server transaction": ("RFC 3261 §17.2.2", server_non_invite.TABLE),
}
HEAD = """# Transactions

The four state machines, printed from their tables in `proxy/transaction/`. Above the slash stands the event, below it what is
done: `send` puts the message of the event on the wire and keeps it, `resend` repeats it, a timer's name arms it, `pass up`
gives the event to the proxy core. Every timer is 64·T1 but A, E and G, which double (E and G up to T2), D (32 s), I and K (T4).
"""


def diagram(table: Table) -> str:
    """One table as a Mermaid state diagram."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {next(iter(table))}"]
    for state, events in table.items():
        for event, (following, actions) in events.items():
            done = f" / {', '.join(actions)}" if actions else ""
            lines.append(f"    {state} --> {following}: {event}{done}")
    return "\n".join([*lines, "    Terminated --> [*]", "```"])


def page() -> str:
    """The whole page."""
    return HEAD + "".join(
        f"\n## {title}\n\n{source}\n\n{diagram(table)}\n" for title, (source, table) in FIGURES.items()
    )


def test_the_page_shows_the_tables(root: Path) -> None:
    assert (root / "docs/transactions.md").read_text(encoding="utf-8") == page()


if __name__ == "__main__":
    Path("docs/transactions.md").write_text(page(), encoding="utf-8")
