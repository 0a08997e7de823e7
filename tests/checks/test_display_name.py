"""caller.display_name: what a phone shows first."""

from __future__ import annotations

import re
import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.call.extract import extract
from proxy.call.model import Call
from proxy.checks.base import Outcome
from proxy.checks.display_name import judge, numbers_read
from proxy.sip.message import parse
from proxy.sip.request import Request
from tests.checks.calls import call, facts, trunk
from tests.story import request

SPOOFS = [
    "10086", "１００８６", "1 0 0 8 6", "1-0-0-8-6", "(100)86", "1.0.0.8.6", "１００８６ ", "①〇〇⑧⑥", "一〇〇八六", "壹零零捌陆",
    "1\u200b0086", "IOO86", "1oo86", "客服10086", "10086客服", "10086 客服中心", "【10086】", "95588", "工商银行95588", "+8610086",
    "110", "１１０", "110 ", "12345", "400-800-9999", "4008009999", "建行 95 533", "13800138000", "138 0013 8000", "+1 415 555 0100",
    "02477770000", "٩٥٥٨٨", "⑨⑤⑤⑧⑧", "9 5 5 8 8 银行", "¹⁰⁰⁸⁶",
    # marks that reorder or hide, and what nobody sees
    "\u202e88559", "\u206788559\u2069", "Acme\u200f", "\u061cAcme", "\U000e0039\U000e0035\U000e0035\U000e0038\U000e0038",
    "9\u115f5\u115f5\u115f8\u115f8", "9\u31645588", "9\uffa05588", "9\u28005588", "9\u20285588", "9\u20295588", "9\u16805588",
    "9\u09035588", "9\ue0005588", "9\ufe0f\u20e35588", "9\U000e01005588", "客服\U0001f4de100\U0001f4de86",
    # numerals and look-alikes
    "1ОО86", "1ΟΟ86", "9SS88", "955BB", "1З8ОО1З8ООО", "1⭕⭕86", "1◯◯86", "ǀ00 86", "l0086", "1|0|0|8|6", "|0086", "1°0086",
    "〩〥〥〨〨", "壹參捌零零壹參捌零零零", "貳貳貳貳貳貳貳貳貳", "陸零陸陸陸陸陸陸", "九十五五八八", "九五五八十八", "一二三四十",
    "客服1OO86", "工商银行955BB", "4008001234 客服1OO86", "Acme 1||86 02488880001 955BB", "客服|0086", "工商银行 955*88", "Bank of China 955 66",
    # three digits that everybody knows
    "【110】", "[110]", "110报警中心", "公安110", "Tel 110", "114查号", "公安 1-1-0", "公安一一零", "120 急救", "110kVA police", "公安110.",
]  # fmt: skip
HARMLESS = [
    "Acme", "Acme 呼叫中心", "", "张三", "Agent 7", "Room 305", "8001", "3F-12", "02488880001", "88880001", "+862488880001",
    "(024) 8888-0001", "０２４８８８８０００１", "4008001234", "400-800-1234", "Acme 4008001234", "2026", "O'Neill", "IoT Lab", "Q&A",
    "第二销售部", "三部", "一组", "Olli", "十二楼",
    "Room 12", "Desk 4711", "2026年", "2026年11月23日", "二〇二六年", "Room 110", "110室", "分机 120", "坐席110", "第110中学", "110kV变电站",
    "国家电网220kV", "Agent 113", "工号1234", "Line 3 & 4", "24h service", "24小时客服", "7*24小时", "No. 7", "A+ 123", "C++ 11", "B2B",
    "O2O平台", "SOS8888", "BOSS1", "S8 Lab", "Q10", "IBM 360", "B&B 55", "3M", "5G", "4S店", "Boeing 747", "7-Eleven", "85°C", "Studio 54",
    "О'Коннор", "ООО 12", "Ελλάδα 7", "Jörg Größe", "Zoë", "José 2", "अजय ९", "김철수", "東京 2", "陆伍", "伍先生", "张十三", "九十九", "万科", "参考",
    "二十一世纪不动产", "四川省第三人民医院", "三一重工", "一汽大众", "五粮液", "58同城", "360安全", "51Job", "1号店", "☎ Acme", "Acme ★★★", "😀 Anna",
    "№ 15", "½ Price", "ⅨⅤ", "⑩号楼", "（沈阳）Acme有限公司", "Acme (Shenyang) Co., Ltd.", "Łukasz", "Ødegaard 10", "Solo 8", "Il Posto 1",
    "客服\uff08\uff11\uff09", "02488880001 客服", "客服０２４－８８８８－０００１", "400*800*1234", "Acme:400/800/1234", "024|8888|0001", "Acme | 02488880001 | Shenyang",
]  # fmt: skip


@pytest.mark.parametrize("display", SPOOFS)
def test_reads_as_another_number(display: str) -> None:
    result = judge(call(caller=f'"{display}" <sip:02488880001@h>;tag=a'), facts())

    assert [finding.rule for finding in result.findings] == ["caller.display_name"]


@pytest.mark.parametrize("display", HARMLESS)
def test_reads_as_a_name_or_as_the_own_number(display: str) -> None:
    result = judge(call(caller=f'"{display}" <sip:02488880001@h>;tag=a'), facts())

    assert result.outcome is Outcome.PASSED


def in_octets(octets: bytes) -> Call:
    """A call whose From has these octets as its display name."""
    data = request("INVITE", "sip:13800138000@h", caller='"@@" <sip:02488880001@h>;tag=a')
    asked = Request(parse(data.replace(b"@@", octets)))
    return extract(asked, trunk(), "127.0.0.2:5060", "access", "+8613800138000", emergency=False)


@pytest.mark.parametrize(
    ("octets", "outcome"),
    [
        pytest.param("９５５８８".encode("gbk"), Outcome.FAILED, id="gbk-full-width"),
        pytest.param("九五五八八".encode("gbk"), Outcome.FAILED, id="gbk-han"),
        pytest.param("公安110".encode("gbk"), Outcome.FAILED, id="gbk-text"),
        pytest.param("９５５８８".encode("big5"), Outcome.FAILED, id="big5-full-width"),
        pytest.param("壹參捌零零壹參捌零零零".encode("big5"), Outcome.FAILED, id="big5-han"),
        pytest.param(b"9\xff5\xff5\xff8\xff8", Outcome.FAILED, id="octets-between-digits"),
        pytest.param(b"\xff45\xff6\xff", Outcome.FAILED, id="no-character-set-and-digits"),
        pytest.param("沈阳呼叫中心".encode("gbk"), Outcome.PASSED, id="gbk-name"),
        pytest.param("客服8001".encode("gbk"), Outcome.PASSED, id="gbk-name-with-an-extension"),
        pytest.param("０２４８８８８０００１".encode("gbk"), Outcome.PASSED, id="gbk-own-number"),
        pytest.param("電話中心".encode("big5"), Outcome.PASSED, id="big5-name"),
        pytest.param("Jörg 7".encode("latin-1"), Outcome.PASSED, id="latin-name"),
        pytest.param(b"\xff\xfe", Outcome.PASSED, id="no-character-set"),
    ],
)
def test_octets_that_are_no_utf8(octets: bytes, outcome: Outcome) -> None:
    assert judge(in_octets(octets), facts()).outcome is outcome


@pytest.mark.parametrize(
    ("display", "outcome"),
    [
        pytest.param("x" * 400, Outcome.PASSED, id="letters"),
        pytest.param("x" * 251 + "95588", Outcome.FAILED, id="digits-at-the-end"),
        pytest.param("x" * 255 + "95588", Outcome.FAILED, id="digits-across-the-end"),
        pytest.param("呼" * 256 + "７", Outcome.FAILED, id="digits-beyond"),
        pytest.param("呼" * 256 + "㏠", Outcome.FAILED, id="digits-in-a-compound-sign-beyond"),
    ],
)
def test_long_names(display: str, outcome: Outcome) -> None:
    assert judge(call(caller=f'"{display}" <sip:02488880001@h>;tag=a'), facts()).outcome is outcome


@pytest.mark.parametrize(
    "display",
    ["1" + " " * 2600 + "1", "x" + "1 " * 1900, "x1" + "‐" * 900 + "1", "x" + "1ﷺ" * 900, "O " * 1900 + "x1", "+ " * 1900, "a\u0301\u0316" * 700],
    ids=["blanks", "digits-and-blanks", "hyphens", "expanding", "look-alikes", "plus", "combining"],
)  # fmt: skip
def test_no_name_takes_long(display: str) -> None:
    asked = call(caller=f'"{display}" <sip:02488880001@h>;tag=a')
    judge(asked, facts())  # fills the cache of characters

    assert min(timeit.repeat(lambda: judge(asked, facts()), number=1, repeat=5)) < 0.02


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_any_text_is_judged(display: str) -> None:
    for number in numbers_read(display, trunk()):
        assert re.fullmatch(r"\+?[0-9]{3,}", number, re.ASCII)


def test_every_claim_has_a_name() -> None:
    spoofed = 'P-Asserted-Identity: "10086" <sip:+862488880001@h>'

    assert judge(call(spoofed), facts()).findings[0].header == "P-Asserted-Identity"


def test_name_in_quoted_pairs() -> None:
    assert judge(call(caller='"1\\0\\0\\8\\6" <sip:02488880001@h>;tag=a'), facts()).outcome is Outcome.FAILED


def test_unquoted_name() -> None:
    assert judge(call(caller="10086 <sip:02488880001@h>;tag=a"), facts()).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("display", "numbers"),
    [("call 400-800 1234 now", ["4008001234"]), ("2024 12345", ["202412345"]), ("a1b2", []), ("", [])],
)
def test_numbers_read(display: str, numbers: list[str]) -> None:
    assert numbers_read(display, trunk()) == numbers


def test_core_side_is_trusted() -> None:
    assert judge(call(caller='"10086" <sip:1@h>', on=trunk(role="core")), facts()).outcome is Outcome.NOT_APPLICABLE
