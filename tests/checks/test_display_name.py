"""caller.display_name: what a phone shows first."""

from __future__ import annotations

import pytest

from proxy.checks.base import Outcome
from proxy.checks.display_name import judge, numbers_read
from tests.checks.calls import call, facts, trunk

SPOOFS = [
    "10086", "１００８６", "1 0 0 8 6", "1-0-0-8-6", "(100)86", "1.0.0.8.6", "１００８６ ", "①〇〇⑧⑥", "一〇〇八六", "壹零零捌陆",
    "1\u200b0086", "IOO86", "1oo86", "客服10086", "10086客服", "10086 客服中心", "【10086】", "95588", "工商银行95588", "+8610086",
    "110", "１１０", "110 ", "12345", "400-800-9999", "4008009999", "建行 95 533", "13800138000", "138 0013 8000", "+1 415 555 0100",
    "02477770000", "٩٥٥٨٨", "⑨⑤⑤⑧⑧", "9 5 5 8 8 银行", "¹⁰⁰⁸⁶",
]  # fmt: skip
HARMLESS = [
    "Acme", "Acme 呼叫中心", "", "张三", "Agent 7", "Room 305", "8001", "3F-12", "02488880001", "88880001", "+862488880001",
    "(024) 8888-0001", "０２４８８８８０００１", "4008001234", "400-800-1234", "Acme 4008001234", "2026", "O'Neill", "IoT Lab", "Q&A",
    "第二销售部", "三部", "一组", "Olli", "十二楼",
]  # fmt: skip


@pytest.mark.parametrize("display", SPOOFS)
def test_reads_as_another_number(display: str) -> None:
    result = judge(call(caller=f'"{display}" <sip:02488880001@h>;tag=a'), facts())

    assert [finding.rule for finding in result.findings] == ["caller.display_name"]


@pytest.mark.parametrize("display", HARMLESS)
def test_reads_as_a_name_or_as_the_own_number(display: str) -> None:
    result = judge(call(caller=f'"{display}" <sip:02488880001@h>;tag=a'), facts())

    assert result.outcome is Outcome.PASSED


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
