"""How operators write numbers, ranges and days in their lists, and what their columns are called."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from proxy.call.directory import key_of
from proxy.call.numbers import normalise
from proxy.call.trunk import DialPlan
from proxy.store.schema import OPEN_END, OPEN_START

_NAMES: Final = {
    "number": "number, numbers, phone, phonenumber, telephone, telephonenumber, callingnumber, did, "
    "号码, 电话, 电话号码, 主叫号码, 外显号码, 码号, 号码段, 号段",
    "first": "first, firstnumber, start, startnumber, begin, from number, "
    "起始号码, 开始号码, 起始号, 首号码, 起号, 号码起, 号段起, 起始号段, 号段开始",
    "last": "last, lastnumber, end, endnumber, to number, "
    "终止号码, 结束号码, 截止号码, 终止号, 结束号, 末号码, 止号, 号码止, 号段止, 终止号段, 号段结束",
    "valid_from": "valid_from, validfrom, from, startdate, effective, effectivedate, "
    "生效日期, 启用日期, 开通日期, 开始日期, 起始日期, 有效期起, 生效时间, 启用时间",
    "valid_to": "valid_to, validto, to, until, enddate, expiry, expirydate, expires, "
    "失效日期, 到期日期, 截止日期, 结束日期, 终止日期, 有效期止, 到期时间, 失效时间",
    "purpose": "purpose, reason, use, usage, 原因, 用途, 号码用途, 使用用途, 业务用途",
    "proof": "proof, contract, contractno, document, 证明, 证明材料, 合同, 合同号, 合同编号, 协议编号, 授权书",
    "proof_sha256": "proof_sha256, proofsha256, sha256, 证明文件哈希",
}
_DROPPED: Final = re.compile(r"[\s_*:：()（）./-]")  # of headings: what people put around and between the words
COLUMNS: Final[Mapping[str, str]] = {
    _DROPPED.sub("", spelt): name for name, words in _NAMES.items() for spelt in words.split(", ")
}

_AROUND: Final = " \t\r\n\u00a0\u3000\ufeff"
_BETWEEN: Final = re.compile(r"\s*(?:~|～|–|—|至|到|\.\.)\s*| - ")
_TAIL: Final = re.compile(r"[0-9]{1,11}", re.ASCII)
_SCIENTIFIC: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?[eE]\+?[0-9]+", re.ASCII)
_DAY: Final = re.compile(
    r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})(?: 0{1,2}:00(?::00)?)?"
    r"|([0-9]{4})年([0-9]{1,2})月([0-9]{1,2})日?|([0-9]{4})([0-9]{2})([0-9]{2})",
    re.ASCII,
)
_OPEN: Final = frozenset(
    {"", "-", "/", "--", "无", "长期", "永久", "长期有效", "none", "open", "permanent", "long-term"}
)


class Unreadable(Exception):
    """A cell that cannot be read; `message_key` is its text in the catalogue."""

    def __init__(self, message_key: str, **values: object) -> None:
        super().__init__(message_key, values)
        self.message_key = message_key
        self.values = values


def column_of(heading: str) -> str:
    """What a column is, by its heading in Chinese or English; "" for one that is not known."""
    return COLUMNS.get(_DROPPED.sub("", heading.strip(_AROUND).lower()), "")


def plain(cell: str) -> str:
    """A cell without what stands around it, and without the apostrophe that makes a spreadsheet take it as text."""
    return cell.strip(_AROUND).removeprefix("'").strip(_AROUND)


@dataclass(slots=True)
class Spelling:
    """Reads cells under the country and area of a trunk; days are remembered, because there are few."""

    country: str
    area: str
    plan: DialPlan = field(init=False)
    _days: dict[tuple[str, date], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # no prefixes of a PBX: what is written in a list is no dialled number
        self.plan = DialPlan(country=self.country, area=self.area, emergency=frozenset())

    def number(self, cell: str) -> int:
        """The key of one number. Raises Unreadable."""
        key = self._key(cell)
        if key:
            return key
        if not cell:
            raise Unreadable("import.no_number")
        if any("０" <= character <= "９" or character == "＋" for character in cell):
            raise Unreadable("import.full_width", value=cell, plain=unicodedata.normalize("NFKC", cell))
        if _SCIENTIFIC.fullmatch(cell):
            raise Unreadable("import.scientific", value=cell)
        raise Unreadable("import.number", value=cell)

    def _key(self, cell: str) -> int:
        return key_of(normalise(cell.replace(" ", ""), self.plan))

    def range(self, cell: str) -> tuple[int, int]:
        """The keys of a range in one cell: "0571-88880000~88880099", or one number. Raises Unreadable."""
        key = self._key(cell)  # nearly every cell is one number
        if key:
            return key, key
        parts = _BETWEEN.split(cell)
        if len(parts) == 2 and all(parts):
            return self.between(*parts)
        if "-" in cell:
            for place in (found.start() for found in re.finditer("-", cell)):
                low, high = self._key(cell[:place]), self._key(cell[place + 1 :])
                if low and high:
                    return in_order(low, high)
        low = self.number(cell)
        return low, low

    def between(self, first: str, last: str) -> tuple[int, int]:
        """
        The keys of a range whose ends are written apart. Raises Unreadable.

        A last number of fewer digits than the first is the end of it: 0571-88880000 to 0099, or to 88880099. Never
        is it read with the trunk's own area code, which may be another.
        """
        low = self.number(first)
        if last.startswith(("+", "0")):
            high = self._key(last)
            if high and len(str(high)) == len(str(low)):
                return in_order(low, high)
        written = sum(character.isdigit() for character in first)
        if _TAIL.fullmatch(last) and len(last) < min(written, len(str(low)) - 1):
            return in_order(low, self.number("+" + str(low)[1 : -len(last)] + last))
        return in_order(low, self.number(last))

    def first_day(self, cell: str) -> str:
        """The day from which something holds, as YYYY-MM-DD; an empty cell is the beginning. Raises Unreadable."""
        return self._day(cell, OPEN_START)

    def last_day(self, cell: str) -> str:
        """The day until which something holds, as YYYY-MM-DD; an empty cell is no end. Raises Unreadable."""
        return self._day(cell, OPEN_END)

    def _day(self, cell: str, empty: date) -> str:
        known = self._days.get((cell, empty))
        if known is None:
            known = (empty if cell.lower() in _OPEN else _day_of(cell)).isoformat()
            if len(self._days) < 10_000:
                self._days[cell, empty] = known
        return known


def in_order(low: int, high: int) -> tuple[int, int]:
    """A range of keys. Raises Unreadable where the last is before the first, or of another length."""
    if len(str(low)) != len(str(high)):
        raise Unreadable("config.lengths")
    if high < low:
        raise Unreadable("config.order", first="+" + str(low)[1:])
    return low, high


def _day_of(cell: str) -> date:
    found = _DAY.fullmatch(cell)
    if found is not None:
        year, _, month, day = found.groups()[:4]
        parts = (year, month, day) if year else found.groups()[4:7] if found[5] else found.groups()[7:]
        try:
            return date(*(int(part or 0) for part in parts))
        except ValueError:
            pass
    raise Unreadable("import.day", value=cell)
