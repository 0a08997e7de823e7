"""caller.display_name: the name that phones show first does not read as somebody else's number."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Final

from proxy.call.model import REDIRECTING, Call, Claim
from proxy.call.numbers import emergency_number, is_short, normalise
from proxy.call.trunk import DialPlan, Trunk
from proxy.checks.base import EVIDENCE, NOT_APPLICABLE, PASSED, Check, Facts, Finding, Outcome, Result

LONGEST: Final = 256  # characters of a display name that are judged; digits beyond them are a finding
# Names are folded to ASCII digits, letters as they are, and marks for the rest: " " for what separates,
# "+", "|" for signs that look like 1, "°" for those that look like 0.
_WITHOUT_MARKS: Final = str.maketrans("", "", " +|°")
_SINGLE: Final = frozenset(range(10))
_ASCII_MARKS: Final = {code: " " for code in range(128) if not chr(code).isalnum() and chr(code) not in "+|"}
# Chinese numerals that Unicode gives no value, one character a digit.
_HAN: Final = {"○": "0", "幺": "1", "两": "2", "兩": "2"}
_ZEROS: Final = frozenset("◯⭕⚪⚬◦⌀∅🅾⃝")
_ONES: Final = frozenset("|∣│┃⏐❘ǀ")
_ALIKE: Final = str.maketrans("OoQОоΟοՕօØøIlІіΙιӀӏı|°", "00000000000111111111" + "10", " +")
_STRETCHED: Final = str.maketrans("SЅBВΒЗзƷʒӠӡ", "55888" + "333333")
_BLANK_LETTERS: Final = frozenset("\u115f\u1160\u3164\uffa0")
# Marks that change the order of what is shown, and digits that nobody sees: no honest name has any.
_HIDING: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\U000e0030-\U000e0039]")
_RUN: Final = re.compile(r"(?:\+[ |°]*)?[0-9](?:[ +|°]*[0-9])*", re.ASCII)
_DIGITS: Final = re.compile(r"\+?[0-9]+", re.ASCII)
_ASCII_DIGIT: Final = re.compile(r"[0-9]", re.ASCII)
_TEN: Final = re.compile(r"(?<=[0-9])十(?=[0-9])|(?<=[0-9])(十)|(十)(?=[0-9])", re.ASCII)
# A stretch of digits and look-alikes that no other letter touches but those of East Asia.
_ALIKES: Final = "OoQОоΟοՕօØøIlІіΙιӀӏıSЅBВΒЗзƷʒӠӡ|°"
_LIKE_DIGITS: Final = f"0-9{_ALIKES[:-2]}"
_TOUCHING: Final = r"[^\W_\u2e80-\U0003ffff]"
_STRETCH: Final = re.compile(
    rf"(?<!{_TOUCHING})[+]?[{_LIKE_DIGITS}](?:[ +|°]*[{_LIKE_DIGITS}])*(?!{_TOUCHING})",
)
_INNER_BAR: Final = re.compile(r"(?<! )\|(?![ ]|\Z)")  # not the one between two words
_MIXED: Final = re.compile(rf"[0-9][ +|°]*[{_ALIKES}]|[{_ALIKES}][ +|°]*[0-9]")
# What stands beside three digits and makes them a room, a unit or a year, not 110.
_COUNTED: Final = re.compile(r" ?(?:室|房|层|楼|座|栋|幢|号楼|号院|年|周年|路|米|人|元|度|[kK]?[vVwW](?![A-Za-z]))")
_LABELLED: Final = re.compile(
    r"(?:\b(?:room|rm|suite|desk|ext|extension|agent|seat|floor|bus)|第|分机|坐席|座席|工号|房间|话务员|工位) ?$",
    re.IGNORECASE,
)
_PUBLIC: Final = frozenset({"110", "112", "114", "117", "119", "120", "121", "122"})
# Within other text, fewer digits are a room, a desk or a year.
_RUN_IN_TEXT: Final = 5
_WHOLE: Final = 3
# Alone, this many digits are a telephone number even if the dial plan knows none such.
_LONG: Final = 7


def judge(call: Call, facts: Facts) -> Result:
    """Find display names that read as a number other than the claim's own and those of the trunk."""
    if call.trunk.role == "core":
        return NOT_APPLICABLE
    named = False
    for claim in call.claims:
        named = named or bool(claim.display)
    if not named:
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
    if _PLAIN.fullmatch(display):
        return False
    names = (display, *claim.legacy)
    if any(_hides(name) for name in names) or _is_garbled(claim):
        return True
    return any(not _is_own(number, claim, trunk, facts) for name in names for number in numbers_read(name, trunk))


def _hides(display: str) -> bool:
    """Whether a name has marks that reorder or hide digits, or digits where no phone shows them all."""
    if display.isascii() and len(display) <= LONGEST:
        return False
    return bool(_HIDING.search(display)) or (
        len(display) > LONGEST and any(_ASCII_DIGIT.search(_folded(character)) for character in set(display[LONGEST:]))
    )


def _is_garbled(claim: Claim) -> bool:
    """Whether a name is in no character set that we know, and yet has digits enough for a number."""
    if not claim.legacy or not all("\ufffd" in name for name in claim.legacy):
        return False
    return len(_ASCII_DIGIT.findall(_fold(claim.display))) >= _WHOLE


def numbers_read(display: str, trunk: Trunk) -> list[str]:
    """The numbers that a person reads in a display name, as ASCII digits with an optional "+"."""
    folded = _fold(display)
    if not _ASCII_DIGIT.search(folded):
        return []
    plan = trunk.dial_plan
    texts = [folded, folded.replace("°", "0")] if "°" in folded else [folded]
    read: list[str] = []
    for text in texts:
        whole = _bare(text)
        if not _DIGITS.fullmatch(whole):
            read += _in_text(text, plan)
        elif _is_number(whole, plan):
            read.append(whole)
    if not _MIXED.search(folded) or (read and _DIGITS.fullmatch(_bare(folded))):
        return read  # "024|8888|0001" is one number, not two
    return read + _alike(folded, plan)


def _bare(text: str) -> str:
    """Folded text without its marks, but for a leading "+"."""
    plus = "+" if text.lstrip(" |°").startswith("+") else ""
    return plus + text.translate(_WITHOUT_MARKS)


def _is_number(whole: str, plan: DialPlan) -> bool:
    """Whether digits that stand alone are a telephone number."""
    digits = whole.lstrip("+")
    if len(digits) < _WHOLE:
        return False
    return len(digits) >= _LONG or bool(normalise(whole, plan) or emergency_number(whole, plan) or is_short(digits))


def _in_text(text: str, plan: DialPlan) -> Iterator[str]:
    """The runs of digits within a text that are long enough, or a number that everybody knows."""
    for match in _RUN.finditer(text):
        run = _bare(match[0])
        if len(run.lstrip("+")) >= _RUN_IN_TEXT or (
            (run in plan.emergency or run in _PUBLIC)
            and not _COUNTED.match(text, match.end())
            and not _LABELLED.search(text, max(match.start() - 12, 0), match.start())
        ):
            yield run


def _alike(folded: str, plan: DialPlan) -> list[str]:
    """The numbers that digits make together with letters and signs that look like digits (1OO86, 955BB)."""
    whole = folded.translate(_ALIKE)
    if _DIGITS.fullmatch(whole) and _is_number(whole, plan):
        return [whole]
    stretches = (match[0] for match in _STRETCH.finditer(_INNER_BAR.sub("l", folded).replace("°", "O")))
    mixed = [text for text in stretches if _ASCII_DIGIT.search(text) and not _DIGITS.fullmatch(_bare(text))]
    read = [text.translate(_ALIKE).translate(_STRETCHED) for text in mixed]
    return [digits for digits in read if digits in plan.emergency or normalise(digits, _anywhere(plan))]


def _anywhere(plan: DialPlan) -> DialPlan:
    """A plan without what is only local to a trunk: SOS8888 is a name, and no subscriber number."""
    return DialPlan(country=plan.country)


def _fold(display: str) -> str:
    """
    A display name with every digit that a person reads in it as an ASCII digit, and one mark for all that
    stands between letters and digits, seen or unseen.
    """
    if display.isascii():
        return display[:LONGEST].translate(_ASCII_MARKS)
    folded = "".join(map(_folded, display[:LONGEST]))
    return _TEN.sub(lambda match: "0" if match[1] else "1" if match[2] else "", folded) if "十" in folded else folded


# Names use few characters, again and again; an entry is some 200 octets.
@lru_cache(maxsize=8192)
def _folded(character: str) -> str:
    """
    One character, folded: digits of other scripts, circled and superscript ones and Chinese numerals become
    ASCII; a letter stays; what is neither letter nor digit is a mark.
    """
    return "".join(_mark(part) for part in unicodedata.normalize("NFKC", character))


def _mark(character: str) -> str:
    value = unicodedata.numeric(character, None)
    if value is not None and value in _SINGLE:
        return str(int(value))
    if character in _HAN:
        return _HAN[character]
    if character in _ZEROS:
        return "°"
    if character in _ONES:
        return "|"
    if character == "+" or (character.isalpha() and character not in _BLANK_LETTERS):
        return character
    return " "


def _is_own(read: str, claim: Claim, trunk: Trunk, facts: Facts) -> bool:
    """Whether what is read is the claim's own number in any form, or one allocated to the trunk."""
    number = normalise(read, trunk.dial_plan)
    if number and (number == claim.number or facts.directory.allocated(trunk.id, number, facts.today)):
        return True
    digits = read.lstrip("+")
    return len(digits) >= _RUN_IN_TEXT and claim.number.endswith(digits) and not number


def _plain_class() -> str:
    """The Han characters that are no numerals, as ranges of a character class."""
    numerals = [code for code in range(0x4E00, 0xA000) if chr(code) == "十" or _mark(chr(code)).isdecimal()]
    edges = [0x4DFF, *numerals, 0xA000]
    return "".join(f"{chr(low + 1)}-{chr(high - 1)}" for low, high in pairwise(edges) if high - low > 1)


# The usual name: Latin letters, Han characters that are no numerals, common punctuation. It reads as no number.
_PLAIN: Final = re.compile(f"[ -/:-~·，。、（）{_plain_class()}]*")

CHECK: Check = Check(
    name="display_name",
    says="No display name reads as another number.",
    source="RFC 3261 §20.10",
    judge=judge,
)
