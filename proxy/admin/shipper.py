"""The shipping process as a program; the control process starts it, reads its values, and ends it by hanging up."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import time
from typing import Final

import click
import msgspec

from proxy.admin.services import Read, read
from proxy.observe import log
from proxy.observe.jetstream import Terms, open_stream
from proxy.observe.shipping import Shipper
from proxy.settings.problems import ConfigError
from proxy.settings.shipping_model import Nats
from proxy.sources.named_files import place_of
from proxy.sources.shipping_files import client_tls

SHOW_SECONDS: Final = 1.0  # between two lines of values


def terms_of(config: Path, nats: Nats, read: Read) -> Terms:
    """What `shipping.nats` says of the stream. Raises OSError where a file is no longer what was read."""
    return Terms(
        nats.servers,
        nats.stream,
        nats.subject,
        nats.replicas,
        nats.keep,
        -1 if nats.max_bytes is None else nats.max_bytes,
        client_tls(config, nats, read.shipping),
        None if nats.credentials is None else str(place_of(config, nats.credentials)),
        nats.user,
        None if nats.password is None else read.shipping.password,
    )


def shipper_of(config: Path, nats: Nats, read: Read) -> Shipper:
    """The shipper under a configuration. Raises OSError."""
    settings = read.settings
    kept = Path(settings.node.state) / f"shipping-{nats.stream}.json"
    opened = partial(open_stream, terms_of(config, nats, read))
    return Shipper(Path(settings.records.directory), kept, nats.subject, opened, time, log.get("shipping"))


async def _run(shipper: Shipper) -> None:
    """Ship until whoever has started us hangs up, or SIGTERM."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    os.set_blocking(sys.stdin.fileno(), False)
    loop.add_reader(sys.stdin.fileno(), over.set)  # nobody writes there: it can only end
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(shipper.run()), group.create_task(_show(shipper))]
        await over.wait()
        for task in tasks:
            task.cancel()


async def _show(shipper: Shipper) -> None:
    """Say how it stands, a line a second; a reader that is stuck misses some."""
    out = sys.stdout.fileno()
    os.set_blocking(out, False)
    while True:
        with suppress(OSError):
            values = await asyncio.to_thread(shipper.values)
            os.write(out, msgspec.json.encode(list(values.items())) + b"\n")
        await asyncio.sleep(SHOW_SECONDS)


@click.command()
@click.option("--config", type=click.Path(path_type=Path), required=True, help="Configuration file.")
def main(config: Path) -> None:
    """Ship the records of a node to the stream that its configuration names."""
    os.nice(5)  # calls come first
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):  # for the supervisor
        signal.signal(number, signal.SIG_IGN)
    log.configure(sys.stderr, json=not sys.stderr.isatty(), level="info")
    try:
        found = read(config)
        if found.settings.shipping.nats is not None:
            asyncio.run(_run(shipper_of(config, found.settings.shipping.nats, found)))
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(f"shipping process: {error.strerror or type(error).__name__}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
