"""
The names of next hops and gateways, looked up in the background and never while a call waits: each anew when its answer
has lived its time. While name servers fail, the last good answer holds, for as long as agreed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

import msgspec
from structlog.typing import FilteringBoundLogger

from proxy.settings.kinds import Destination, Endpoint

LEAST: Final = 5.0  # bounds of a time to live that are heeded, in seconds
MOST: Final = 3600.0
RETRY: Final = 5.0  # after a failure; doubled with each one more
MOST_RETRY: Final = 300.0
AT_ONCE: Final = 8  # names that are asked for at the same time
RETIRED: Final = 12 * 3600.0  # that long a call may stand: so long an address that a name has had is still believed
MAX_RETIRED: Final = 1024
MAX_NAMES: Final = 10_000
MAX_FILE: Final = 8 * 2**20  # octets

SHARE: Final = 65536  # the weights of one priority add up to about this


class LookupFailed(Exception):
    """A name that could not be resolved; `reason` for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Found:
    """One address of a name: the lowest `priority` first, `weight` of `SHARE` within it (0: after the others)."""

    address: Endpoint
    priority: int
    weight: int
    transport: str = "udp"


@dataclass(frozen=True, slots=True)
class Answer:
    """The addresses of a name, best first, and for how many seconds they hold."""

    found: tuple[Found, ...]
    ttl: float


Find = Callable[[Destination], Awaitable[Answer]]


@dataclass(slots=True)
class _Name:
    """One name: its last good answer, when to ask again, and since when that is overdue."""

    found: tuple[Found, ...] = ()
    due: float = float("-inf")
    expired: float = float("-inf")  # when the last good answer has, or will have, lived its time
    failures: int = 0


class Names:
    """
    What the names of next hops stand for. `known` is what calls use; `changed` is called when that has changed.
    `wall` gives epoch seconds, and `file` survives a restart, so that a node starts while no name server answers.
    """

    def __init__(
        self,
        file: Path,
        *,
        wall: Callable[[], float],
        log: FilteringBoundLogger,
        changed: Callable[[], None],
    ) -> None:
        self._find: Find | None = None
        self._keep = float("inf")
        self._file = file
        self._wall = wall
        self._log = log
        self._changed = changed
        self._names: dict[Destination, _Name] = {}
        self._retired: dict[tuple[Destination, str], float] = {}
        self._wake = asyncio.Event()
        self.lookups: dict[str, int] = {"ok": 0, "failed": 0}
        self._kept = self._read()

    @property
    def known(self) -> Mapping[Destination, tuple[Found, ...]]:
        """The addresses of every name; none for one that has never been found."""
        return {wanted: name.found for wanted, name in self._names.items()}

    @property
    def retired(self) -> tuple[tuple[Destination, str], ...]:
        """IP addresses that names have had, while calls that were sent there may still stand."""
        return tuple(self._retired)

    def gauges(self) -> dict[tuple[str, ...], float]:
        """By name how many addresses it has, and for how many seconds they are used beyond their time; and lookups."""
        now = self._wall()
        gauges: dict[tuple[str, ...], float] = {}
        for wanted, name in self._names.items():
            gauges["next_hop_name_addresses", str(wanted)] = float(len(name.found))
            stale = max(0.0, now - name.expired) if name.failures and name.found else 0.0
            gauges["next_hop_name_stale_seconds", str(wanted)] = stale
        return gauges | {("next_hop_lookups_total", outcome): float(n) for outcome, n in self.lookups.items() if n}

    def want(self, wanted: Iterable[Destination], find: Find | None, keep: float) -> None:
        """
        These are the names from now on, and `find` looks them up; what is known of those that stay is kept, and used
        for `keep` seconds beyond its time.
        """
        self._find, self._keep = find, keep
        before, self._names = self._names, {}
        for each in list(dict.fromkeys(wanted))[:MAX_NAMES]:
            self._names[each] = before.get(each) or self._kept.get(each) or _Name()
        self._wake.set()

    async def follow(self) -> None:
        """Look names up whenever that is due, until cancelled."""
        while True:
            now = self._wall()
            due = [(wanted, name) for wanted, name in self._names.items() if name.due <= now]
            if due:
                try:
                    await self._look_up(due)
                except Exception:  # noqa: BLE001  # a defect of ours; names go on being looked up
                    self._log.exception("next_hop.names_failed")
                    await asyncio.sleep(RETRY)
                continue
            self._wake.clear()
            pause = min((name.due for name in self._names.values()), default=now + MOST) - now
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def _look_up(self, due: list[tuple[Destination, _Name]]) -> None:
        before = self.known
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(wanted: Destination, name: _Name) -> None:
            async with turns:
                await self._refresh(wanted, name)

        async with asyncio.TaskGroup() as group:
            for wanted, name in due:
                group.create_task(one(wanted, name))
        if any(before.get(wanted) != name.found for wanted, name in self._names.items()):
            self._retire(before)
            self._write()
            self._changed()

    async def _refresh(self, wanted: Destination, name: _Name) -> None:
        """Ask for one name. Nothing that goes wrong may end the others."""
        try:
            answer = await self._asked(wanted)
        except LookupFailed as error:
            self._failed(wanted, name, error.reason)
            return
        except Exception as error:  # noqa: BLE001  # a defect, of ours or of a library: said, and tried again
            self._failed(wanted, name, type(error).__name__)
            return
        self.lookups["ok"] += 1
        if name.failures:
            self._log.info("next_hop.name_found", name=str(wanted), failures=name.failures)
        ttl = min(max(answer.ttl, LEAST), MOST)
        name.found, name.failures = answer.found, 0
        name.due = name.expired = self._wall() + ttl

    async def _asked(self, wanted: Destination) -> Answer:
        if self._find is None:
            raise LookupFailed("nothing looks it up")
        return await self._find(wanted)

    def _failed(self, wanted: Destination, name: _Name, reason: str) -> None:
        self.lookups["failed"] += 1
        now = self._wall()
        name.failures += 1
        name.due = now + min(RETRY * 2 ** min(name.failures - 1, 10), MOST_RETRY)
        if name.found and now - name.expired > self._keep:
            name.found = ()
            self._log.error("next_hop.name_lost", name=str(wanted), reason=reason, advice="its last answer is too old")
        elif name.failures == 1:
            told = "its last answer is used on" if name.found else "no call can be sent there"
            self._log.warning("next_hop.name_failed", name=str(wanted), reason=reason, advice=told)

    def _retire(self, before: Mapping[Destination, tuple[Found, ...]]) -> None:
        """Remember addresses that have gone: calls that stand there go on."""
        now = self._wall()
        present = {(wanted, each.address[0]) for wanted, found in self.known.items() for each in found}
        gone = {(wanted, each.address[0]) for wanted, found in before.items() for each in found} - present
        self._retired |= dict.fromkeys(gone, now + RETIRED)
        left = [(each, until) for each, until in self._retired.items() if until > now and each not in present]
        self._retired = dict(left[-MAX_RETIRED:])

    def _read(self) -> dict[Destination, _Name]:
        """What was known when the node stopped; a file that cannot be read is as good as none."""
        try:
            with self._file.open("rb") as file:
                kept = msgspec.json.decode(file.read(MAX_FILE), type=_Kept)
        except (OSError, msgspec.MsgspecError):
            return {}
        retired = [((Destination(*each), ip), until) for each, ip, until in kept.retired if until > self._wall()]
        self._retired = dict(retired[-MAX_RETIRED:])
        names: dict[Destination, _Name] = {}
        for each in kept.names:
            found = tuple([Found(*known) for known in each.found])
            if self._wall() - each.expired <= self._keep:
                names[Destination(each.host, each.port, each.transport)] = _Name(found, expired=each.expired)
        return names

    def _write(self) -> None:
        """Keep what is known for a restart; a full disk is no reason to go without names."""
        names = [
            _KeptName(*wanted, [astuple(each) for each in name.found], name.expired)
            for wanted, name in self._names.items()
            if name.found
        ]
        new = self._file.with_name(self._file.name + ".new")
        with contextlib.suppress(OSError):
            retired = [
                ((wanted.host, wanted.port, wanted.transport), ip, until)
                for (wanted, ip), until in self._retired.items()
            ]
            new.write_bytes(msgspec.json.encode(_Kept(names, retired)))
            new.replace(self._file)


class _KeptName(msgspec.Struct):
    host: str
    port: int
    transport: str
    found: list[tuple[Endpoint, int, int, str]]
    expired: float


class _Kept(msgspec.Struct):
    names: list[_KeptName]
    retired: list[tuple[tuple[str, int, str], str, float]]
