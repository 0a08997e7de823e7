"""Timers against a naive model; a cancelled one leaves nothing behind."""

from __future__ import annotations

import gc
import weakref

from hypothesis import given
from hypothesis import strategies as st

from proxy.transaction.timers import NEVER, Lengths, Timers


class Owner:
    """Something that timers belong to."""

    def __init__(self) -> None:
        self.armed: dict[str, float] = {}


STEP = st.tuples(
    st.sampled_from(["arm", "cancel", "cancel all", "wait"]),
    st.integers(0, 2),
    st.sampled_from("AB"),
    st.sampled_from([0.5, 1.0, 4.0]),
)


@given(st.lists(STEP, max_size=40))
def test_like_a_naive_model(steps: list[tuple[str, int, str, float]]) -> None:
    timers, owners, now = Timers(), [Owner() for _ in range(3)], 0.0
    model: dict[tuple[int, str], float] = {}
    for what, index, name, length in steps:
        owner = owners[index]
        if what == "arm":
            timers.arm(owner, name, length, now)
            model[index, name] = now + length
        elif what == "cancel":
            timers.cancel(owner, name)
            model.pop((index, name), None)
        elif what == "cancel all":
            timers.cancel_all(owner)
            model = {key: due for key, due in model.items() if key[0] != index}
        else:
            now += length
            fired = [(owners.index(who), which) for who, which in timers.expired(now)]  # type: ignore[arg-type]
            due = {key: when for key, when in model.items() if when <= now}
            assert sorted(fired) == sorted(due)
            assert [due[key] for key in fired] == sorted(due.values())
            model = {key: when for key, when in model.items() if key not in due}
        assert len(timers) == len(model)
        assert timers.next_due <= min(model.values(), default=NEVER)


def test_a_cancelled_timer_holds_nobody() -> None:
    timers, owner = Timers(), Owner()
    timers.arm(owner, "A", 0.5, 0.0)
    timers.arm(owner, "B", 32.0, 0.0)
    timers.cancel_all(owner)
    ghost = weakref.ref(owner)
    gc.disable()
    try:
        del owner
        assert ghost() is None
    finally:
        gc.enable()


def test_next_due_is_settled_when_looked_at() -> None:
    timers, owner = Timers(), Owner()
    timers.arm(owner, "A", 0.5, 0.0)
    timers.cancel(owner, "A")

    assert timers.expired(1.0) == []
    assert timers.next_due == NEVER


def test_lengths() -> None:
    assert (Lengths().patience, Lengths(t1=0.1).patience, Lengths().c > 180) == (32.0, 6.4, True)
