"""Whose fault it is that tokens are bad: a trunk's, or our own clock's and anchors'."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stirshaken.certificate import Validated
from stirshaken.doubt import HISTORY, HOLD, LONG_RUN, MAX_OWNERS, RECENT, Doubt, Outcome, outcome
from stirshaken.tnauthlist import One
from tests.stirshaken.scene import GOOD, NOW, STALE, UNSUPPORTED, judged, party

FIVE = "abcde"


@dataclass
class Story:
    """Tokens one after the other, one each second of all owners together."""

    doubt: Doubt = field(default_factory=Doubt)
    now: float = 1_000_000.0

    def tell(self, owners: str, outcome: Outcome, times: int = 5, offset: float | None = None) -> Story:
        for _ in range(times):
            self.now += 1
            for owner in owners:
                self.doubt.note(owner, outcome, self.now, offset)
        return self

    def wait(self, seconds: float) -> Story:
        self.now += seconds
        return self

    def seen(self) -> tuple[bool, bool]:
        return self.doubt.stale_in_doubt(self.now), self.doubt.untrusted_in_doubt(self.now)


def good(owners: str = FIVE, times: int = 5) -> Story:
    """Owners that were good a while ago."""
    return Story().tell(owners, "good", times, -1.0).wait(2 * RECENT)


KINDS: tuple[Outcome, ...] = ("stale", "untrusted")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("bad", "fine", "doubted"),
    [
        ("abcde", "", True),
        ("abc", "de", True),
        ("abc", "", True),
        ("ab", "c", True),
        ("ab", "cd", False),
        ("ab", "cde", False),
        ("a", "bcde", False),
        ("a", "b", False),
        ("a", "", False),
        ("", "abcde", False),
    ],
)
def test_most_of_those_that_were_good(kind: Outcome, bad: str, fine: str, doubted: bool) -> None:
    story = good().tell(bad, kind).tell(fine, "good")
    assert story.seen() == (doubted and kind == "stale", doubted and kind == "untrusted")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("flood", [3, 1000])
def test_one_trunk_of_five_floods(kind: Outcome, flood: int) -> None:
    """However many tokens it sends, and while the others are good, silent, or hardly ever heard."""
    for others in (5, 2, 0):
        story = good(times=50)
        for _ in range(flood):
            story.doubt.note("a", kind, story.now, -1000.0)
        story.tell("bcde", "good", others)
        story.tell("a", kind, 20, -1000.0)
        assert story.seen() == (False, False)


@pytest.mark.parametrize("kind", KINDS)
def test_new_trunks_that_were_never_good_prove_nothing(kind: Outcome) -> None:
    story = good("ab").tell("vwxyz", kind).tell("ab", "good")
    assert story.seen() == (False, False)
    assert good("ab").tell("vwxyz", kind).seen() == (False, False)  # a and b are silent just now


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("tokens", "doubted"), [(2, False), (3, True)])
def test_a_token_or_two_say_nothing(kind: Outcome, tokens: int, doubted: bool) -> None:
    assert (True in good().tell(FIVE, kind, tokens).seen()) is doubted


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("bad", "fine", "doubted"),
    [("ab", "", True), ("abc", "", True), ("a", "", False), ("ab", "c", False), ("abcd", "e", False)],
)
def test_at_the_start(kind: Outcome, bad: str, fine: str, doubted: bool) -> None:
    story = Story().tell(fine, "good").tell(bad, kind)
    assert (True in story.seen()) is doubted


@pytest.mark.parametrize("kind", KINDS)
def test_a_doubt_of_the_start_is_not_ended_by_one_that_is_right_by_chance(kind: Outcome) -> None:
    story = Story().tell("abcd", kind)
    assert True in story.seen()
    story.wait(HOLD).tell("abcd", kind).tell("e", "good")
    assert True in story.seen()
    story.wait(RECENT).tell("abcd", "good").tell("e", kind)
    assert story.seen() == (False, False)


def test_what_was_good_long_ago_counts_no_more() -> None:
    story = good("abcde").wait(HISTORY).tell("ab", "good").wait(RECENT + 1).tell("abcde", "untrusted")
    assert story.seen() == (False, True)  # a and b alone are heard, and both are bad
    story = good("abcde").wait(HISTORY).tell("abc", "good").wait(RECENT + 1).tell("cde", "untrusted").tell("ab", "good")
    assert story.seen() == (False, False)


@pytest.mark.parametrize(
    ("offsets", "doubted"),
    [
        pytest.param((-300, -300, -301, -299, -300), True, id="our-clock-is-fast"),
        pytest.param((300, 300, 301, 299, 300), True, id="our-clock-is-slow"),
        pytest.param((-300, 250, -90, 800, -1), False, id="each-its-own-way"),
        pytest.param((-59, -61, -60, -58, -60), False, id="within-what-is-allowed"),
        pytest.param((-300, -300, -300, -1, -1), True, id="most-of-them"),
    ],
)
def test_a_wrong_clock_of_ours_shifts_all_the_same_way(offsets: tuple[float, ...], doubted: bool) -> None:
    story = good()
    for owner, offset in zip(FIVE, offsets, strict=True):
        story.tell(owner, "stale", 5, offset)
    assert story.seen() == (doubted, False)


@pytest.mark.parametrize(
    ("run", "offset", "doubted"),
    [
        pytest.param(LONG_RUN, -300.0, True, id="long-good-and-shifted"),
        pytest.param(LONG_RUN, 300.0, True, id="the-other-way"),
        pytest.param(LONG_RUN - 1, -300.0, False, id="not-long-enough"),
        pytest.param(LONG_RUN, None, False, id="shift-unknown"),
        pytest.param(LONG_RUN, -30.0, False, id="not-shifted"),
    ],
)
def test_one_owner_alone(run: int, offset: float | None, doubted: bool) -> None:
    story = good("a", run).tell("a", "stale", 5, offset)
    assert story.seen() == (doubted, False)


def test_one_owner_alone_says_nothing_of_anchors() -> None:
    assert good("a", 100).tell("a", "untrusted", 50, -300.0).seen() == (False, False)


def test_one_owner_of_which_others_are_silent_is_not_alone() -> None:
    assert good("ab", 100).tell("a", "stale", 50, -300.0).seen() == (False, False)
    assert good("a", 100).tell("b", "stale", 1).tell("a", "stale", 50, -300.0).seen() == (False, False)


def test_a_doubt_of_one_ends_when_another_is_good() -> None:
    story = good("a", 100).tell("a", "stale", 5, -300.0)
    assert story.seen() == (True, False)
    story.wait(HOLD).tell("b", "good").tell("a", "stale", 5, -300.0)
    assert story.seen() == (False, False)


@pytest.mark.parametrize("kind", KINDS)
def test_a_doubt_stays_a_while_and_ends(kind: Outcome) -> None:
    story = good().tell(FIVE, kind)
    assert True in story.seen()
    story.tell(FIVE, "good", 10)
    assert True in story.seen()  # held
    story.wait(HOLD).tell(FIVE, "good", 1)
    assert story.seen() == (False, False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("fine", "over"), [("", False), ("a", False), ("ab", False), ("abc", False), ("abcd", True)])
def test_it_ends_later_than_it_begins(kind: Outcome, fine: str, over: bool) -> None:
    story = good().tell(FIVE, kind)
    assert True in story.seen()
    story.wait(RECENT).tell(fine, "good").tell(FIVE[len(fine) :], kind)
    assert (True not in story.seen()) is over


@pytest.mark.parametrize(("fine", "over"), [("abc", False), ("abcd", True)])
def test_it_ends_with_a_third(fine: str, over: bool) -> None:
    six = "abcdef"
    story = good(six).tell(six, "stale")
    assert True in story.seen()
    story.wait(RECENT).tell(fine, "good").tell(six[len(fine) :], "stale")
    assert (True not in story.seen()) is over


@pytest.mark.parametrize(("times", "counts"), [(2, False), (3, True)])
def test_three_good_tokens_make_a_past(times: int, counts: bool) -> None:
    story = good("ab", times).tell("c", "good", 9).wait(RECENT + 1).tell("ab", "stale")
    assert (True in story.seen()) is counts


@pytest.mark.parametrize("kind", KINDS)
def test_without_tokens_it_ends(kind: Outcome) -> None:
    story = good().tell(FIVE, kind)
    assert True in story.seen()
    assert story.wait(RECENT + 1).seen() == (False, False)


def test_a_doubt_outlasts_the_memory_of_better_days() -> None:
    story = good().tell(FIVE, "stale", 5, -300.0)
    for _ in range(int(HISTORY / RECENT) + 20):
        assert story.seen() == (True, False)
        story.wait(RECENT - 10).tell(FIVE, "stale", 5, -300.0)
    assert story.seen() == (True, False)


def test_stale_and_untrusted_are_apart() -> None:
    story = good().tell("abc", "stale").tell("abc", "untrusted", 3)
    assert story.seen() == (True, False)
    story.tell("abc", "untrusted", 9)
    assert story.seen() == (True, True)  # the first is held


def test_shift() -> None:
    story = Story()
    assert story.doubt.shift(story.now) is None
    for owner, offset in zip(FIVE, (-2.0, -1.0, -1.0, -900.0, 4.0), strict=True):
        story.tell(owner, "good", 3, offset)
    assert story.doubt.shift(story.now) == -1.0
    assert story.doubt.shift(story.now + RECENT + 9) is None


def test_memory_is_bounded() -> None:
    doubt = Doubt()
    for number in range(MAX_OWNERS + 100):
        for _ in range(50 if number < 3 else 1):
            doubt.note(str(number), "stale", 1.0)
    assert len(doubt._owners) == MAX_OWNERS
    assert max(len(owner.tokens) for owner in doubt._owners.values()) <= 32
    assert str(MAX_OWNERS + 99) in doubt._owners


def test_all_is_looked_at_once_a_second() -> None:
    story = good()
    assert story.seen() == (False, False)
    for _ in range(5):
        for owner in FIVE:
            story.doubt.note(owner, "stale", story.now)
    assert story.seen() == (False, False)
    assert story.wait(1).seen() == (True, False)


SECRET = party(One("911"))


@pytest.mark.parametrize(
    ("value", "validated", "expected"),
    [
        pytest.param(GOOD, None, ("good", 0), id="good"),
        pytest.param(party().value({"iat": NOW - 30}), None, ("good", -30), id="a-little-late"),
        pytest.param(STALE, None, ("stale", -100), id="stale"),
        pytest.param(party().value({"iat": NOW + 900}), None, ("stale", 900), id="of-the-future"),
        pytest.param(party().value({"orig": {"tn": "1"}}), None, ("good", 0), id="of-another-caller-but-fresh"),
        pytest.param(party().value({"iat": NOW - 900, "orig": {"tn": "1"}}), None, None, id="stale-and-of-another-caller"),
        pytest.param(SECRET.value({"iat": NOW - 900}), None, None, id="stale-and-forged"),
        pytest.param(party(trusted=False).value(), party(trusted=False).validated, ("untrusted", None), id="no-anchor"),
        pytest.param(party(trusted=False).value({"iat": NOW - 900}), party(trusted=False).validated, ("untrusted", None), id="no-anchor-and-stale"),
        pytest.param(party(days=0.5).value(), party(days=0.5).validated, ("untrusted", None), id="expired"),
        pytest.param(GOOD, "timeout", None, id="no-certificate"),
        pytest.param(GOOD, "unusable", None, id="no-chain-at-all"),
        pytest.param(b"rubbish", None, None, id="rubbish"),
        pytest.param(UNSUPPORTED, None, None, id="ignored"),
    ],
)  # fmt: skip
def test_what_an_identity_tells(
    value: bytes, validated: Validated | str | None, expected: tuple[Outcome, float | None] | None
) -> None:
    (identity,) = judged(value, validated=validated).identities
    assert outcome(identity, NOW) == expected


NOTES = st.tuples(
    st.sampled_from("bcd"),
    st.sampled_from(["good", "stale", "untrusted"]),
    st.floats(-1e6, 1e6) | st.none(),
    st.floats(0, 100),
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["good", "stale", "untrusted"]), st.floats(-1e6, 1e6), st.floats(0, 60)), max_size=80
    )
)
def test_no_trunk_by_itself_causes_doubt_while_four_are_good(notes: list[tuple[Outcome, float, float]]) -> None:
    story = good(times=30)
    for seen, offset, pause in notes:
        story.tell("bcde", "good", 1, -1.0)
        story.doubt.note("a", seen, story.now, offset)
        assert story.seen() == (False, False)
        story.wait(pause)


@settings(max_examples=100, deadline=None)
@given(st.lists(NOTES, max_size=60))
def test_nothing_raises(notes: list[tuple[str, Outcome, float | None, float]]) -> None:
    story = Story()
    for owner, seen, offset, pause in notes:
        story.doubt.note(owner, seen, story.now, offset)
        story.wait(pause)
        assert {type(each) for each in story.seen()} == {bool}
        story.doubt.shift(story.now)
