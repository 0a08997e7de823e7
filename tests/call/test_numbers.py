"""Normalisation by dial plan; phonenumbers is asked for its opinion on ordinary lines and mobiles."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.call.numbers import called, emergency_number, is_emergency_in, normalise, number_in_host
from proxy.call.trunk import DialPlan

SHENYANG = DialPlan(country="86", area="24", strip=("9",), prefixes={"17909": "", "*86": "+86"})


@pytest.mark.parametrize(
    ("user", "number"),
    [
        ("+862488880001", "+862488880001"),
        ("00862488880001", "+862488880001"),
        ("862488880001", "+862488880001"),
        ("02488880001", "+862488880001"),
        ("2488880001", "+862488880001"),
        ("88880001", "+862488880001"),
        ("988880001", "+862488880001"),
        ("902488880001", "+862488880001"),
        ("+86024-8888.0001", "+862488880001"),
        ("(024)88880001", "+862488880001"),
        ("13800138000", "+8613800138000"),
        ("013800138000", "+8613800138000"),
        ("913800138000", "+8613800138000"),
        ("8613800138000", "+8613800138000"),
        ("17909013800138000", "+8613800138000"),
        ("01088888888", "+861088888888"),
        ("1088888888", "+861088888888"),
        ("057188888888", "+8657188888888"),
        ("04111234567", ""),  # no subscriber number begins with 1
        ("95588", "+8695588"),
        ("995588", "+8695588"),
        ("+8695588", "+8695588"),
        ("02495588", "+8695588"),
        ("01010086", "+8610086"),
        ("10086", "+8610086"),
        ("+8610086", "+8610086"),
        ("10001", "+8610001"),
        ("12345", "+8612345"),
        ("4008001234", "+864008001234"),
        ("+864008001234", "+864008001234"),
        ("800-810-1234", "+868008101234"),
        ("9501380000012345", "+869501380000012345"),
        ("1069012345678", "+861069012345678"),
        ("+14155550100", "+14155550100"),
        ("0014155550100", "+14155550100"),
        ("+85221234567", "+85221234567"),
        # no numbers
        ("", ""),
        ("alice", ""),
        ("8001", ""),
        ("1", ""),
        ("+", ""),
        ("++862488880001", ""),
        ("+8624 88880001", ""),
        ("88880001\n", ""),
        ("1_3800138000", ""),
        ("１３８００１３８０００", ""),
        ("٠٢٤٨٨٨٨٠٠٠١", ""),
        ("+0862488880001", ""),
        ("+" + "1" * 40, ""),
        ("02488880001;ext=1", ""),
        ("0-2-4-8-8-8-8-0-0-0-1" + "-" * 43, "+862488880001"),
        ("0-2-4-8-8-8-8-0-0-0-1" + "-" * 44, ""),  # more than 64 characters are not read
    ],
)
def test_normalise(user: str, number: str) -> None:
    assert normalise(user, SHENYANG) == number


@pytest.mark.parametrize(
    ("user", "number"),
    [
        ("2079460000", "+442079460000"),
        ("02079460000", "+442079460000"),
        ("+442079460000", "+442079460000"),
        ("00862488880001", "+862488880001"),
    ],
)
def test_normalise_elsewhere(user: str, number: str) -> None:
    assert normalise(user, DialPlan(country="44")) == number


def test_local_numbers_need_an_area() -> None:
    assert normalise("88880001", DialPlan()) == ""


@pytest.mark.parametrize(
    ("user", "emergency"),
    [
        ("110", "110"),
        ("119", "119"),
        ("120", "120"),
        ("122", "122"),
        ("9110", "110"),
        ("024110", "110"),
        ("24110", "110"),
        ("+86110", "110"),
        ("0086110", "110"),
        ("+8624110", "110"),
        ("1-1-0", "110"),
        ("1100", ""),
        ("0110", ""),  # no dialled form of 110; where 0 is a PBX prefix the plan says so
        ("10110", ""),
        ("112", ""),
        ("110;x", ""),
        ("x110", ""),
        ("１１０", ""),
        ("-" * 62 + "110", ""),
        ("", ""),
    ],
)
def test_emergency(user: str, emergency: str) -> None:
    assert emergency_number(user, SHENYANG) == emergency


def test_a_plan_without_emergency_numbers() -> None:
    assert emergency_number("110", DialPlan(emergency=frozenset())) == ""


@pytest.mark.parametrize(
    ("context", "still"),
    [
        ("pbx.example.cn", True),
        ("+86", True),
        ("+8624", True),
        ("+86411", True),  # another area
        ("+8613800138", False),  # makes +8613800138110
        ("+8610", False),  # +8610110 could be a carrier's 10110
        ("+861", False),
        ("+1", False),
        ("+1415555", False),
    ],
)
def test_emergency_behind_a_phone_context(context: str, still: bool) -> None:
    assert is_emergency_in(context, "110", SHENYANG) is still


@pytest.mark.parametrize(
    ("user", "number"),
    [("02495588", "+8695588"), ("alice", "alice"), ("8001", "8001"), ("", ""), ("1" * 60000, "1" * 64)],
)
def test_called(user: str, number: str) -> None:
    assert called(user, SHENYANG) == number


@pytest.mark.parametrize(
    ("host", "number"),
    [
        ("95588", "+8695588"),
        ("955.88", "+8695588"),
        ("95588.", "+8695588"),
        ("9_5-5.8-8", "+8695588"),
        ("[95588]", "+8695588"),
        ("95588.invalid", "+8695588"),
        ("400-800-1234.pbx.example.cn", "+864008001234"),
        ("02488880001", "+862488880001"),
        ("138.001.380.00", "+8613800138000"),  # 380 is no octet
        ("110", ""),
        ("110.example.cn", ""),
        ("8001", ""),
        ("8001.example.cn", None),
        ("192.0.2.1", None),
        ("223.55.55.55", None),
        ("110.1.2.3", None),
        ("[2001:db8::1]", None),
        ("[::1]", None),
        ("pbx95588.example.cn", None),
        ("sip.example.cn", None),
        ("anonymous.invalid", None),
        ("", None),
    ],
)
def test_number_in_host(host: str, number: str | None) -> None:
    assert number_in_host(host, SHENYANG) == number


@given(st.text())
def test_total_and_idempotent(user: str) -> None:
    number = normalise(user, SHENYANG)

    assert number == "" or normalise(number, SHENYANG) == number
    assert number.isascii()


AREAS = st.sampled_from(["10", "21", "24", "571", "755", "411"])


@given(AREAS, st.integers(2_000_0000, 8_999_9999))
def test_agrees_with_phonenumbers_on_fixed_lines(area: str, subscriber: int) -> None:
    """Where phonenumbers knows a line, we read the same number; it does not know all that exist."""
    parsed = phonenumbers.parse(f"0{area}{subscriber}", "CN")
    if (
        phonenumbers.is_valid_number(parsed)
        and phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.FIXED_LINE
    ):
        expected = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
        assert normalise(f"0{area}{subscriber}", SHENYANG) == expected


@given(st.integers(13_000_000_000, 19_999_999_999))
def test_agrees_with_phonenumbers_on_mobiles(number: int) -> None:
    parsed = phonenumbers.parse(str(number), "CN")
    if phonenumbers.is_valid_number(parsed):
        assert normalise(str(number), SHENYANG) == phonenumbers.format_number(
            parsed, phonenumbers.PhoneNumberFormat.E164
        )
