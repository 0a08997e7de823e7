"""Next hops: in which order a call tries them, and how each of them has been doing. Pure: octets and `now` in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from math import log
from typing import Final

from proxy.checks.base import UNMARKED, Marks
from proxy.core.place import Hop
from proxy.sip.response import Response

UP_AFTER: Final = 2  # good answers in a row that bring a next hop back: one may be luck
TRIAL: Final = 30.0  # seconds until a call may try a next hop again that is down and not probed
DOUBT: Final = 5.0  # seconds that a next hop stays behind which several calls in a row wait for
MIN_PAUSE: Final = 1.0  # bounds of the Retry-After that is heeded, in seconds
MAX_PAUSE: Final = 300.0


@dataclass(frozen=True, slots=True)
class NextHop:
    """One next hop as it is configured: the lowest priority first, within one priority shared out by weight."""

    hop: Hop
    priority: int = 1
    weight: int = 1


@dataclass(frozen=True, slots=True)
class HopTerms:
    """
    When a next hop counts as down, when a silent one is given up for a call, and how often the core side's are
    probed with OPTIONS; seconds, 0.0 for never.
    """

    down_after: int = 3
    failover_after: float = 2.0
    probe_interval: float = 0.0


USUAL: Final = HopTerms()


class Health:
    """
    How one next hop has been doing: up until `down_after` failures in a row, up again after two good answers in a
    row. `last_until` is how long it asked to be left alone, `doubt_until` how long it is in doubt because `late` calls
    in a row wait for a first answer; `trial_at` is when a call may try it although it is down.
    """

    __slots__ = (
        "doubt_until", "failures", "good", "heard_at", "last_until", "late", "probed", "text", "trial_at", "up",
    )  # fmt: skip

    def __init__(self, text: str) -> None:
        self.text = text
        self.up = True
        self.failures = 0
        self.good = 0
        self.heard_at = float("-inf")
        self.last_until = float("-inf")
        self.late = 0
        self.doubt_until = float("-inf")
        self.trial_at = float("-inf")
        self.probed = False

    def answered(self, now: float) -> bool:
        """Take a good answer; True when it brings the hop up."""
        self.alive(now)
        self.failures = 0
        if self.up:
            return False
        self.good += 1
        self.trial_at = now
        self.up = self.good >= UP_AFTER
        return self.up

    def alive(self, now: float) -> None:
        """Take a provisional answer: it is there, but how it will answer is not known yet."""
        self.heard_at = now
        if self.late:
            self.late = 0
            self.doubt_until = float("-inf")

    def waited_for(self, since: float, now: float, down_after: int) -> None:
        """A call has had to repeat what it sent at `since`; several in a row are a reason to ask others first."""
        if self.heard_at < since:
            self.late += 1
            if self.late >= down_after:
                self.doubt_until = now + DOUBT

    def failed(self, now: float, down_after: int) -> bool:
        """Take a failure; True when it brings the hop down."""
        self.good = 0
        self.failures += 1
        self.trial_at = now + TRIAL
        if not self.up or self.failures < down_after:
            return False
        self.up = False
        return True

    def silent(self, since: float, now: float, down_after: int) -> bool:
        """Take the silence after something sent at `since`; it proves nothing where an answer has come meanwhile."""
        return self.heard_at < since and self.failed(now, down_after)

    def pause(self, seconds: int, now: float) -> None:
        """Heed a Retry-After (RFC 3261 §20.33), within bounds."""
        self.last_until = now + min(max(float(seconds), MIN_PAUSE), MAX_PAUSE)

    def tried(self, now: float) -> None:
        """A call goes there; while it is down no other does for some time."""
        if not self.up:
            self.trial_at = now + TRIAL

    def rank(self, now: float) -> int:
        """0: in its turn; 1: behind, as it asked for or in doubt; 2: down, the last resort."""
        if not self.up and (self.probed or now < self.trial_at):
            return 2
        return 1 if now < self.last_until or now < self.doubt_until else 0


class Target:
    """A next hop with its health."""

    __slots__ = ("health", "hop", "priority", "weight")

    def __init__(self, known: NextHop, health: Health) -> None:
        self.hop: Final = known.hop
        self.priority: Final = known.priority
        self.weight: Final = known.weight
        self.health: Final = health

    def score(self, origin: bytes) -> float:
        """
        Weighted rendezvous hashing: the highest score of a priority is first, by weight as often as not. It
        follows from the call alone, so that another process chooses the same; weight 0 comes after all others.
        """
        digest = blake2b(origin + self.hop.mark, digest_size=8).digest()
        return -self.weight / log(((int.from_bytes(digest) >> 12) + 0.5) / 2**52)


class HopSet:
    """The next hops of one destination."""

    __slots__ = ("_shared", "targets")

    def __init__(self, targets: Iterable[Target]) -> None:
        self.targets: Final = tuple(targets)
        self._shared = len({target.priority for target in self.targets}) < len(self.targets)

    def order(self, origin: bytes, now: float) -> list[Target]:
        """The order in which a call tries them; `origin` stands for the call."""
        if len(self.targets) < 2:
            return list(self.targets)
        return sorted(
            self.targets,
            key=lambda target: (
                target.health.rank(now),
                target.priority,
                -target.score(origin) if self._shared else 0.0,
            ),
        )


class Hops:
    """
    All next hops of a node: `core` those of the core side, `gateways` those of each trunk. `healths` are kept by
    "ip:port"; `before` is what a reload replaces, whose health lives on.
    """

    __slots__ = ("core", "gateways", "healths", "terms")

    def __init__(
        self,
        core: Iterable[NextHop],
        gateways: Mapping[str, tuple[NextHop, ...]],
        terms: HopTerms,
        before: Hops | None = None,
    ) -> None:
        known = {} if before is None else before.healths
        self.healths: dict[str, Health] = {}
        self.terms: Final = terms
        self.core: Final = self._set(core, known)
        self.gateways: Final = {trunk: self._set(hops, known) for trunk, hops in gateways.items()}
        for health in self.healths.values():
            health.probed = False
        for target in self.core.targets:
            target.health.probed = terms.probe_interval > 0

    def _set(self, hops: Iterable[NextHop], known: Mapping[str, Health]) -> HopSet:
        return HopSet(Target(each, self._health(each.hop.text, known)) for each in hops)

    def _health(self, text: str, known: Mapping[str, Health]) -> Health:
        health = self.healths.get(text)
        if health is None:
            health = self.healths[text] = known.get(text) or Health(text)
        return health


class Tries:
    """
    The next hops of one INVITE: `target` where it is, `left` where it may still go. `cookie` and `marks` are what it
    carries wherever it goes, `sent_at` is when it was sent last, `best` the best final response so far.
    """

    __slots__ = ("best", "cookie", "left", "marks", "sent_at", "target")

    def __init__(self, targets: list[Target], cookie: bytes, marks: Marks = UNMARKED) -> None:
        """`targets` are in order, at least one."""
        self.target = targets[0]
        self.left = targets
        self.cookie = cookie
        self.marks = marks
        self.sent_at = 0.0
        self.best: Response | None = None
