"""caller.display_name: the name that phones show first does not read as somebody else's number."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from proxy.call.model import Call, Claim
from proxy.call.numbers import is_emergency, is_short, normalise
from proxy.call.trunk import Trunk
from proxy.checks.base import NOT_APPLICABLE, PASSED, Check, Facts, Finding, Outcome, Result
from proxy.checks.caller import EVIDENCE, REDIRECTING

# Chinese numerals as people spell numbers with them, one character a digit.
_HAN: Final = dict(zip("〇零○一二三四五六七八九壹贰叁肆伍陆柒捌玖幺两", "000123456789123456789" + "12", strict=True))
_SEPARATORS: Final = frozenset(" -.()/_·•,:'\u3000\u30fb\u2010\u2011\u2012\u2013\u2014\u2015\u2212\t")
_LOOKALIKES: Final = str.maketrans("OoQlI|", "000111")
_ASCII_DIGIT: Final = re.compile(r"[0-9]", re.ASCII)
_RUN: Final = re.compile(r"\+?[0-9]+", re.ASCII)
# Within other text, fewer digits are a room, a desk or a year.
_RUN_IN_TEXT: Final = 5
_WHOLE: Final = 3
# Alone, this many digits are a telephone number even if the dial plan knows none such.
_LONG: Final = 7


def judge(call: Call, facts: Facts) -> Result:
    """Find display names that read as a number other than the claim's own and those of the trunk."""
    if call.trunk.role == "core":
        return NOT_APPLICABLE
    if not any(claim.display for claim in call.claims):
        return PASSED
    findings = [
        Finding(
            "caller.display_name",
            claim.header,
            claim.value[:EVIDENCE],
            f"no number but {claim.number or 'the own one'}",
        )
        for claim in call.claims
        if claim.display and claim.header not in REDIRECTING and _misleads(claim, call.trunk, facts)
    ]
    return Result(Outcome.FAILED, tuple(findings)) if findings else PASSED


def _misleads(claim: Claim, trunk: Trunk, facts: Facts) -> bool:
    display = claim.display
    if display.isascii() and not _ASCII_DIGIT.search(display):
        return False
    return any(not _is_own(number, claim, trunk, facts) for number in numbers_read(display, trunk))


def numbers_read(display: str, trunk: Trunk) -> list[str]:
    """The numbers that a person reads in a display name, as ASCII digits with an optional "+"."""
    folded = _folded(display)
    whole = "".join(character for character in folded if character not in _SEPARATORS)
    if not _RUN.fullmatch(whole):
        alike = whole.translate(_LOOKALIKES)
        whole = alike if _ASCII_DIGIT.search(whole) and _RUN.fullmatch(alike) else whole
    if _RUN.fullmatch(whole):
        digits = whole.lstrip("+")
        public = normalise(whole, trunk.dial_plan) or is_emergency(whole, trunk.dial_plan) or is_short(digits)
        return [whole] if len(digits) >= _WHOLE and (public or len(digits) >= _LONG) else []
    return [run for run in _RUN.findall(_joined(folded)) if len(run.lstrip("+")) >= _RUN_IN_TEXT]


def _folded(display: str) -> str:
    """Other scripts', circled and superscript digits and Chinese numerals as ASCII; unseen characters gone."""
    folded: list[str] = []
    for character in unicodedata.normalize("NFKC", display):
        digit = unicodedata.digit(character, None)
        if digit is not None:
            folded.append(str(digit))
        elif character in _HAN:
            folded.append(_HAN[character])
        elif unicodedata.category(character) not in ("Cf", "Cc", "Mn", "Me"):
            folded.append(character)
    return "".join(folded)


def _joined(text: str) -> str:
    """Text with the separators between two digits taken out: "400-800 1234" reads as one number."""
    joined: list[str] = []
    for index, character in enumerate(text):
        if character in _SEPARATORS and joined and joined[-1].isdecimal():
            following = text[index:].lstrip("".join(_SEPARATORS))[:1]
            if following.isdecimal():
                continue
        joined.append(character)
    return "".join(joined)


def _is_own(read: str, claim: Claim, trunk: Trunk, facts: Facts) -> bool:
    """Whether what is read is the claim's own number in any form, or one allocated to the trunk."""
    number = normalise(read, trunk.dial_plan)
    if number and (number == claim.number or facts.directory.allocated(trunk.id, number, facts.today)):
        return True
    digits = read.lstrip("+")
    return len(digits) >= _RUN_IN_TEXT and claim.number.endswith(digits) and not number


CHECK = Check(
    name="display_name",
    says="No display name reads as another number.",
    source="RFC 3261 §20.10",
    judge=judge,
)
