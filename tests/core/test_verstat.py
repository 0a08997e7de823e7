"""verstat: taken off whatever way it is written, put where the caller's number stands, and nowhere else."""

from __future__ import annotations

from time import process_time

import pytest

from proxy.core.verstat import asserted, stripped, told
from proxy.sip.message import P_ASSERTED_IDENTITY, parse
from tests.story import request

SAID = "verstat=TN-Validation-Passed"


def lines(*fields: str, caller: str = "<sip:1@h>;tag=a") -> tuple[bytes, ...]:
    """From and these fields, without any verstat."""
    message = parse(request("INVITE", caller=caller, fields=fields))
    found = stripped(message, message.lines)
    return tuple(line for line in found if line[:2] in (b"Fr", b"f:", b"P-", b"p-", b"Re", b"Di", b"Co", b"X-"))[:-1]


def only(field: str) -> str:
    return lines(field)[1].decode()


@pytest.mark.parametrize(
    ("field", "left"),
    [
        pytest.param(f"<sip:+861;{SAID}@h;user=phone>", "<sip:+861@h;user=phone>", id="user-part"),
        pytest.param(f"<sip:+861@h;{SAID};user=phone>", "<sip:+861@h;user=phone>", id="uri-parameter"),
        pytest.param(f"<tel:+861;{SAID}>", "<tel:+861>", id="tel"),
        pytest.param(f"tel:+861;{SAID}", "tel:+861", id="bare-tel"),
        pytest.param(f"<sip:+861@h>;{SAID};x=1", "<sip:+861@h>;x=1", id="field-parameter"),
        pytest.param(f"<sip:1;{SAID}@h>, <tel:2;{SAID}>,<tel:3;ext=1;{SAID}>", "<sip:1@h>, <tel:2>,<tel:3;ext=1>", id="several-uris"),
        pytest.param(f"<tel:1;{SAID};{SAID};VERSTAT=x>", "<tel:1>", id="several-times"),
        pytest.param("<tel:1;VerStat=TN-Validation-Passed>", "<tel:1>", id="any-case"),
        pytest.param("<tel:1;verstat>", "<tel:1>", id="flag"),
        pytest.param("<tel:1;verstat=>", "<tel:1>", id="empty"),
        pytest.param("<sip:1;%76%65rs%74at=TN-Validation-Passed@h>", "<sip:1@h>", id="escaped-name"),
        pytest.param(f"<sip:1%3b{SAID}@h>", "<sip:1@h>", id="escaped-semicolon"),
        pytest.param("<sip:1;verstat%3DTN-Validation-Passed@h>", "<sip:1@h>", id="escaped-equals"),
        pytest.param("<sip:1%3Bverstat%3dTN-Validation-Passed%3Bx@h>", "<sip:1@h>", id="all-escaped"),
        pytest.param("<sip:1@h>; verstat = TN-Validation-Passed ;x", "<sip:1@h> ;x", id="white-space"),
        pytest.param('<sip:1@h>;verstat="TN-Validation-Passed";x', "<sip:1@h>;x", id="quoted-value"),
        pytest.param('<sip:1;verstat=TN-Validation-Passed"@h>', '<sip:1"@h>', id="stray-quote"),
        pytest.param(f"<sip:1@h>;\r\n {SAID};x", "<sip:1@h>;x", id="folded"),
        pytest.param("<sip:1@h>;verstat\r\n\t=\r\n TN-Validation-Passed", "<sip:1@h>", id="folded-twice"),
        pytest.param(f'"a \\" b" <tel:1;{SAID}>, "c" <tel:2;{SAID}>', '"a \\" b" <tel:1>, "c" <tel:2>', id="display-names"),
        pytest.param(f'"open <tel:1;{SAID}>', '"open <tel:1>', id="open-quote"),
        pytest.param(f"<sip:1;{SAID}?Subject=x@h>", "<sip:1?Subject=x@h>", id="headers"),
    ],
)  # fmt: skip
def test_every_spelling_is_taken_off(field: str, left: str) -> None:
    assert only(f"P-Asserted-Identity: {field}") == f"P-Asserted-Identity: {left}"


@pytest.mark.parametrize("name", ["p-asserted-IDENTITY", "P-Preferred-Identity", "Remote-Party-ID"])
def test_every_field_of_a_caller(name: str) -> None:
    assert only(f"{name}: <tel:1;{SAID}>") == f"{name}: <tel:1>"


def test_from_and_all_lines() -> None:
    field = f"P-Asserted-Identity: <tel:1;{SAID}>"
    found = lines(field, field, caller=f'"A" <sip:1;{SAID}@h>;tag=a')
    assert found == (b'From: "A" <sip:1@h>;tag=a', b"P-Asserted-Identity: <tel:1>", b"P-Asserted-Identity: <tel:1>")


@pytest.mark.parametrize(
    "field",
    [
        'P-Asserted-Identity: "a;verstat=TN-Validation-Passed" <tel:1>',  # a name; phones show it, nobody reads it
        "P-Asserted-Identity: <tel:1;verstats=1;myverstat=1;x=verstat>",
        f"Diversion: <tel:1;{SAID}>",
        f"X-Other: ;{SAID}",
    ],
)
def test_what_is_no_verstat_of_a_caller_stays(field: str) -> None:
    message = parse(request("INVITE", fields=(field,)))
    assert stripped(message, message.lines) == message.lines


def test_the_message_itself_stays_as_it_came() -> None:
    message = parse(request("INVITE", caller=f"<sip:1;{SAID}@h>;tag=a"))
    before = message.lines.copy()
    assert stripped(message, message.lines) != before
    assert told(message, message.lines, b"x") != before
    assert message.lines == before


@pytest.mark.parametrize(
    ("fields", "caller", "expected"),
    [
        pytest.param((), "<sip:+861@h>;tag=a", ("<sip:+861;verstat=V@h>;tag=a",), id="from"),
        pytest.param((), "sip:861@h;tag=a", ("sip:861;verstat=V@h;tag=a",), id="bare"),
        pytest.param((), '"sip:2@x" <sip:861;ext=1@h;user=phone>;tag=a', ('"sip:2@x" <sip:861;ext=1;verstat=V@h;user=phone>;tag=a',), id="name-that-looks-like-a-uri"),
        pytest.param((), "Bob <sips:861@h>;tag=a", ("Bob <sips:861;verstat=V@h>;tag=a",), id="sips"),
        pytest.param((), "<sip:alice@h>;tag=a", ("<sip:alice@h>;tag=a",), id="no-number"),
        pytest.param((), "<sip:anonymous@anonymous.invalid>;tag=a", ("<sip:anonymous@anonymous.invalid>;tag=a",), id="hidden"),
        pytest.param(("P-Asserted-Identity: <tel:+861>",), "<sip:2@h>;tag=a", ("<sip:2@h>;tag=a", "<tel:+861;verstat=V>"), id="asserted"),
        pytest.param(("P-Asserted-Identity: <tel:+861;ext=2>",), "<sip:2@h>;tag=a", ("<sip:2@h>;tag=a", "<tel:+861;ext=2;verstat=V>"), id="asserted-with-parameters"),
        pytest.param(("P-Asserted-Identity: <sip:1@h>", "P-Asserted-Identity: <tel:1>"), "<sip:2@h>;tag=a", ("<sip:2@h>;tag=a", "<sip:1;verstat=V@h>", "<tel:1;verstat=V>"), id="asserted-twice"),
        pytest.param(('P-Asserted-Identity: "a" <sip:bob@h>, "sip:9@x" <sip:1@h>',), "<sip:2@h>;tag=a", ("<sip:2@h>;tag=a", '"a" <sip:bob@h>, "sip:9@x" <sip:1;verstat=V@h>'), id="second-name-that-looks-like-a-uri"),
    ],
)  # fmt: skip
def test_told(fields: tuple[str, ...], caller: str, expected: tuple[str, ...]) -> None:
    message = parse(request("INVITE", caller=caller, fields=fields))
    made = told(message, message.lines, b"V")
    assert tuple(line.partition(b": ")[2].decode() for line in made if line[:2] in (b"Fr", b"P-")) == expected
    assert len(made) == len(message.lines)


@pytest.mark.parametrize("unit", [";verstat", '"', '"\\', ";v", "sip:1;", "tel:1;", "sip:1", "%3B", "; ", ';verstat="'])
def test_hostile_lines_take_no_time(unit: str) -> None:
    """A line of 8 KiB, the longest there is: quadratic patterns took a third of a second for it."""
    message = parse(request("INVITE"))
    message.names.append(P_ASSERTED_IDENTITY)
    message.lines.append(b"")
    for tail in ("", ";verstat", '";verstat=', "\\"):
        message.lines[-1] = ("P-Asserted-Identity: " + unit * (8000 // len(unit)) + tail).encode()
        began = process_time()
        told(message, stripped(message, message.lines), b"V")
        assert process_time() - began < 0.05


@pytest.mark.parametrize(
    ("fields", "caller", "expected"),
    [
        (("P-Asserted-Identity: <sip:1@h>", "p-asserted-identity: <tel:+1>"), "<sip:9@h>;tag=a", [b"P-Asserted-Identity: <sip:1;verstat=V@h>", b"p-asserted-identity: <tel:+1;verstat=V>"]),
        ((), '"B" <sip:9@h;user=phone>;tag=a;x=1', [b"P-Asserted-Identity: <sip:9;verstat=V@h;user=phone>"]),
        ((), "<sip:9;verstat=Forged@h>;tag=a", [b"P-Asserted-Identity: <sip:9;verstat=V@h>"]),
        ((), "<sip:alice@h>;tag=a", []),
        ((), "<sip:alice;verstat=Forged@h>;tag=a", []),
    ],
)  # fmt: skip
def test_what_is_asserted_beside_the_call(fields: tuple[str, ...], caller: str, expected: list[bytes]) -> None:
    assert asserted(parse(request("INVITE", caller=caller, fields=fields)), b"V") == expected
