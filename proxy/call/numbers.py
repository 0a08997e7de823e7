"""Telephone numbers: from what a trunk's users write to E.164, by the trunk's dial plan."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from proxy.call.trunk import DialPlan

# Visual separators of RFC 3966 §3. Anything else that is not a digit makes a text no number.
_SEPARATORS: Final = str.maketrans("", "", "-.()")
_DIGITS: Final = re.compile(r"\+?[0-9]+", re.ASCII)
_E164: Final = re.compile(r"\+[1-9][0-9]{5,14}", re.ASCII)
CHINA: Final = "86"
LONGEST: Final = 64  # characters of a number with all its separators; beyond that nothing is read, nor kept in a cache
_HOST_MARKS: Final = str.maketrans("", "", "-._[]")
_HOST_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)
_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4: Final = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}", re.ASCII)

# National service numbers of China, dialled without any prefix (电信网编号计划). They are written +86…
# in full: 95588 is +8695588, 400 800 1234 is +864008001234.
_SERVICE: Final = re.compile(
    r"95[0-9]{3,14}"  # 95xxx, and 95xxx… of call centers
    r"|96[0-9]{3,6}"  # provincial services
    r"|10[0-9]{3}|1010[0-9]{4}|106[0-9]{3,15}"  # carriers (10000, 10086), 1010xxxx, 106… SMS ports
    r"|12[0-9]{3}"  # government hot lines: 12345, 12306, 12315 …
    r"|116[0-9]{2,3}|118[0-9]{2,3}"  # directory services
    r"|400[0-9]{7}|800[0-9]{7}",
    re.ASCII,
)
_SHORT: Final = re.compile(r"1[12][0-9]", re.ASCII)  # 110, 119, 120, 122, 114 …
_MOBILE: Final = re.compile(r"1[3-9][0-9]{9}", re.ASCII)
# Fixed lines with their area code: 10 and 2x have eight-digit numbers, the others seven or eight.
_FIXED: Final = re.compile(r"(?:10|2[0-9])[2-8][0-9]{7}|[3-9][0-9]{2}[2-8][0-9]{6,7}", re.ASCII)
_SUBSCRIBER: Final = re.compile(r"[2-8][0-9]{6,7}", re.ASCII)
_AREA: Final = re.compile(r"10|2[0-9]|[3-9][0-9]{2}", re.ASCII)


def normalise(user: str, plan: DialPlan) -> str:
    """
    Bring a number as it stands in a URI's user part (escapes undone) to E.164 under a dial plan.

    Returns "+" and 3 to 18 ASCII digits, or "" where `user` is no telephone number. Chinese service
    numbers get their national form: 95588 → +8695588. Digits of other scripts make no number: the next
    hop may read them otherwise.
    """
    if len(user) > LONGEST:
        return ""
    prefixes = tuple(plan.prefixes.items()) if plan.prefixes else ()
    return _normalise(user, plan.country, plan.area, plan.strip, prefixes)


# A trunk shows few numbers again and again; each entry is some 300 octets, and the function is pure.
@lru_cache(maxsize=65536)
def _normalise(
    user: str,
    country: str,
    area: str,
    strip: tuple[str, ...],
    prefixes: tuple[tuple[str, str], ...],
) -> str:
    digits = user.translate(_SEPARATORS)
    if not _DIGITS.fullmatch(digits) or len(digits) > 24:
        return ""
    for prefix, replacement in sorted(prefixes, key=lambda item: -len(item[0])):
        if prefix and digits.startswith(prefix):
            digits = replacement + digits[len(prefix) :]
            break
    found = _read(digits, country, area)
    if found:
        return found
    for prefix in strip:
        if prefix and digits.startswith(prefix) and len(digits) > len(prefix):
            found = _read(digits[len(prefix) :], country, area)
            if found:
                return found
    return ""


def _read(digits: str, country: str, area: str) -> str:
    """A number without PBX prefix: international, national, or local."""
    if digits.startswith("+"):
        return _international(digits[1:])
    if digits.startswith("00"):
        return _international(digits[2:])
    if country != CHINA:
        return _elsewhere(digits, country, area)
    return _national(digits, area)


def _international(digits: str) -> str:
    """What follows + or 00. +86 with a 0 behind it (+86 024…) is a common mistake with one meaning."""
    if digits.startswith(CHINA):
        national = digits[2:]
        if _SERVICE.fullmatch(national) or _MOBILE.fullmatch(national) or _FIXED.fullmatch(national):
            return "+86" + national
        if national.startswith("0"):
            return _national(national, "")
        return ""
    number = "+" + digits
    return number if _E164.fullmatch(number) else ""


def _national(digits: str, area: str) -> str:
    """A number as it is dialled within China."""
    if digits.startswith("0"):
        rest = digits[1:]
        if _FIXED.fullmatch(rest) or _MOBILE.fullmatch(rest):
            return "+86" + rest
        code = _AREA.match(rest)
        service = rest[code.end() :] if code else ""
        return "+86" + service if _SERVICE.fullmatch(service) else ""  # 024-95588, 010-10086
    if _SERVICE.fullmatch(digits) or _MOBILE.fullmatch(digits):
        return "+86" + digits
    if area and _SUBSCRIBER.fullmatch(digits):
        return "+86" + area + digits
    if _FIXED.fullmatch(digits):
        return "+86" + digits
    rest = digits[2:]  # 86 without a plus, as many switches send it
    return "+" + digits if digits.startswith(CHINA) and (_MOBILE.fullmatch(rest) or _FIXED.fullmatch(rest)) else ""


def _elsewhere(digits: str, country: str, area: str) -> str:
    """A number dialled within another country: 0 is the trunk prefix; without it the area is put in front."""
    national = digits[1:] if digits.startswith("0") else digits if digits.startswith(country) else area + digits
    number = "+" + (national if national.startswith(country) and len(national) > 10 else country + national)
    return number if _E164.fullmatch(number) else ""


def emergency_number(user: str, plan: DialPlan) -> str:
    """
    The emergency number of the plan that a called number is, or "": bare, behind a PBX prefix, or with the area
    or country code that some equipment puts in front (024110, +86110, 0086110). A look-alike (1100) is none.
    """
    if len(user) > LONGEST:
        return ""
    plain = _DIGITS.fullmatch(user)
    digits = user if plain else user.translate(_SEPARATORS)
    if digits in plan.emergency:
        return digits
    if not digits.endswith(tuple(plan.emergency)) or not _DIGITS.fullmatch(digits) or len(digits) > 24:
        return ""
    country = plan.country
    fronts = [*plan.strip, "+" + country, "00" + country]
    if plan.area:
        fronts += ["0" + plan.area, plan.area, f"+{country}{plan.area}", f"00{country}{plan.area}"]
    found = (digits[len(front) :] for front in fronts if front and digits.startswith(front))
    return next((short for short in found if short in plan.emergency), "")


def is_emergency_in(context: str, short: str, plan: DialPlan) -> bool:
    """
    Whether an emergency number is still one behind its phone-context: a domain, the country, or an area of it.
    A context that makes another number of it (+8613800138 before 110) does not.
    """
    if not context.startswith("+") or emergency_number(context + short, plan):
        return True
    front = "+" + plan.country
    area = context[len(front) :] if context.startswith(front) else ""
    return bool(_AREA.fullmatch(area)) and plan.country == CHINA and not normalise(context + short, plan)


def called(user: str, plan: DialPlan) -> str:
    """A called number that is no emergency, for records and look-ups: E.164, else the text as it came, cut off."""
    return normalise(user, plan) or user[:LONGEST]


def number_in_host(host: str, plan: DialPlan) -> str | None:
    """
    The number that a host, or its first label, reads as: None for none, "" for one that cannot call (110, 8001).
    An IPv4 address is no number, whatever its digits.
    """
    if _IPV4.fullmatch(host):
        return None
    whole = host.translate(_HOST_MARKS)
    if _HOST_DIGITS.fullmatch(whole):
        return normalise(whole, plan)
    label = host.partition(".")[0].translate(_HOST_MARKS)
    if not _HOST_DIGITS.fullmatch(label):
        return None
    public = is_short(label) or emergency_number(label, plan)
    return normalise(label, plan) or ("" if public else None)


def is_short(digits: str) -> bool:
    """Whether ASCII digits are a short public service number such as 110 or 114."""
    return bool(_SHORT.fullmatch(digits))
