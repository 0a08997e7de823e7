"""`trunkward demo`: a call of each kind through the real program, in a live table."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Mapping

import click

from proxy.cli import table
from proxy.cli.language import Language, lang_option, pick
from proxy.demo import show, stage
from proxy.demo.scenario import KINDS
from proxy.settings.catalogue import text

PAUSE = 2.0  # seconds between calls once every kind has been shown


@click.command()
@click.option("--once", is_flag=True, help="End after one call of each kind; exit 0 only if all were as expected.")
@lang_option
def command(once: bool, lang: str | None) -> None:
    """Show the main job on loopback: a proxy, a callee, a caller, and calls of each kind."""
    try:
        good = asyncio.run(_demo(once, pick(lang)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo()
        return
    except stage.StartError as error:
        raise click.ClickException(text("demo.no_start", pick(lang), output=str(error))) from None
    sys.exit(0 if good else 3)


async def _demo(once: bool, lang: Language) -> bool:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with stage.running() as running:
        _introduce(running, lang)
        good = []
        async for placed in show.play(running):
            click.echo(_line(show.row(placed, lang)))
            good.append(placed.good)
        click.echo()
        click.echo(text("demo.total", lang, good=sum(good), all=len(good)))
        if not once:
            await _stay(running, lang)
        return all(good)


def _introduce(running: stage.Stage, lang: Language) -> None:
    addresses = {
        "sip": f"udp {running.sip}",
        "callee": f"udp {running.callee}",
        "metrics": f"http://{running.metrics}/metrics",
        "health": f"http://{running.admin}/healthz",
        "records": str(running.records),
    }
    labels = {key: text(f"demo.address.{key}", lang) for key in addresses}
    wide = max(map(table.width, labels.values()))
    for key, address in addresses.items():
        click.echo(f"{table.pad(labels[key], wide)}  {address}")
    click.echo()
    click.echo(_line(show.headings(lang)))


async def _stay(running: stage.Stage, lang: Language) -> None:
    """Keep placing calls slowly, so that the metrics move, until Ctrl-C."""
    click.echo(text("demo.stay", lang, seconds=PAUSE))
    number = len(KINDS)
    while True:
        await asyncio.sleep(PAUSE)
        placed = await show.place(running, KINDS[number % len(KINDS)], f"demo-{number}")
        if not placed.good:
            click.echo(_line(show.row(placed, lang)))
        number += 1


def _line(cells: Mapping[str, str]) -> str:
    return "  ".join(table.pad(cells[key], show.WIDTHS.get(key, 0)) for key in show.COLUMNS).rstrip()
