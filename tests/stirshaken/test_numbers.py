"""Canonical numbers and URIs, and which URIs hold a number."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stirshaken.errors import MalformedError
from stirshaken.numbers import MAX_URI, Identifier, canonical_number, canonical_uri, of_claim, of_uri, telephone_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+12155551212", "12155551212"), ("12155551212", "12155551212"), ("+1 (215) 555-1212", "12155551212"), ("+1.215.555.1212", "12155551212"),
        ("(+1)2155551212", "12155551212"), ("*67#", "*67#"), ("911", "911"), ("0", "0"), ("+86-24-8888-0001", "862488880001"), ("123456789012345", "123456789012345"),
        ("", None), ("+", None), ("-", None), ("++1215", None), ("1215+", None), ("+*67", None), ("+0123", None), ("1234567890123456", None), ("+1234567890123456", None),
        ("1800FLOWERS", None), ("alice", None), ("１２３", None), ("١٢٣", None), ("1_3", None), ("1²", None), ("123\n", None), ("\t123", None), ("1\u00a02", None), ("1,2", None), ("%2B1", None), ("-" * 65 + "1", None),
    ],
)  # fmt: skip
def test_canonical_number(text: str, number: str | None) -> None:
    assert canonical_number(text) == number


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("2155551212", "1", "12155551212"), ("12155551212", "1", "12155551212"), ("13800138000", "86", "8613800138000"), ("+4420712345678", "86", "4420712345678"),
        ("911", "1", "911"), ("95588", "86", "95588"), ("*67#", "1", "*67#"), ("02488880001", "86", "02488880001"), ("0033123456789", "1", "0033123456789"),
        ("99999999999999", "86", "99999999999999"),
    ],
    ids=["national", "has-the-code", "china", "international", "short", "service", "keys", "trunk-prefix-stays", "international-prefix-stays", "too-long-for-it"],
)  # fmt: skip
def test_country(text: str, country: str, number: str) -> None:
    assert canonical_number(text, country) == number


@pytest.mark.parametrize("country", ["+1", "0", "1234", "x", "１"])
def test_no_country(country: str) -> None:
    with pytest.raises(ValueError, match="country code"):
        canonical_number("2155551212", country)


@pytest.mark.parametrize(
    ("uri", "number"),
    [
        ("tel:+12155551212", "12155551212"), ("TEL:+1-215-555-1212;ext=5", "12155551212"), ("tel:5551212;phone-context=+1215", "12155551212"), ("tel:110;phone-context=example.cn", "110"),
        ("tel:5551212;ext=1;Phone-Context=%2B1-215", "12155551212"), ("tel:+1215;phone-context=+99", "1215"), ("tel:911", "911"), ("tel:7042;isub=1", "7042"),
        ("sip:+12155551212@example.com;user=phone", "12155551212"), ("sip:+12155551212@example.com", "12155551212"), ("sip:12155551212@example.com;user=phone", "12155551212"),
        ("SIPS:+12155551212:secret@EXAMPLE.com:5061;transport=tls;USER=Phone?subject=x", "12155551212"), ("sip:+12155551212;ext=5@example.com", "12155551212"),
        ("sip:+12155551212;tgrp=a;trunk-context=b.example@[2001:db8::1]:5060", "12155551212"), ("sip:5551212;phone-context=+1215@example.com;user=phone", "12155551212"),
        ("sip:%2B12155551212@h", "12155551212"), ("sip:%2367@h;user=phone", "#67"), ("sip:%31215@h", "1215"), ("sip:*67%23@h;user=phone", "*67#"),
        ("tel:", None), ("tel:+1;x y", None), ("tel:alice", None), ("tel:A1B", None), ("sip:alice@example.com", None), ("sip:alice@example.com;user=phone", None), ("sip:*67@h", None),
        ("sip:+1alice@h", None), ("sip:example.com", None), ("sip:12155551212", None), ("sip:+1215@h@h", None), ("sip:+1215@h\n", None), ("sip:+%C2%B2@h", None), ("sip:１@h", None), ("urn:service:sos", None),
        ("https://12155551212@h", None), ("+12155551212", None), ("sip:+1%", None), ("sip:+1215%3Bext@h", None), ("tel:+1" + "-" * MAX_URI, None),
    ],
)  # fmt: skip
def test_telephone_number(uri: str, number: str | None) -> None:
    assert telephone_number(uri) == number


@pytest.mark.parametrize(
    ("uri", "number"),
    [("sip:12155551212@h", None), ("sip:12155551212@h;user=phone", "12155551212"), ("sip:+12155551212@h", "12155551212"), ("tel:12155551212", "12155551212")],
    ids=["digits", "user-phone", "plus", "tel"],
)  # fmt: skip
def test_without_bare_digits(uri: str, number: str | None) -> None:
    assert telephone_number(uri, bare_digits=False) == number


@pytest.mark.parametrize(
    ("uri", "canon"),
    [
        ("sip:Alice@Example.COM:5060;transport=tcp", "sip:alice@example.com"), ("sips:alice:secret@example.com", "sips:alice@example.com"), ("SIP:alice@example.com?subject=x", "sip:alice@example.com"),
        ("sip:%61lice@example.com", "sip:alice@example.com"), ("sip:%41lice%7E@example.com", "sip:alice~@example.com"), ("sip:al%2fice@example.com", "sip:al%2Fice@example.com"), ("sip:al%2561@h", "sip:al%2561@h"),
        ("sip:alice@[2001:DB8::1]:5060", "sip:alice@[2001:db8::1]"), ("sip:Example.COM", "sip:example.com"), ("sip:%E5%BC%A0@h", "sip:%E5%BC%A0@h"), ("sip:a;x=Y@h", "sip:a;x=y@h"),
        ("MailTo:Alice@Example.com", "mailto:Alice@Example.com"), ("URN:Service:SOS.Police", "urn:service:sos.police"), ("urn:isbn:X", "urn:isbn:X"), ("tel:alice", "tel:alice"),
    ],
)  # fmt: skip
def test_canonical_uri(uri: str, canon: str) -> None:
    assert canonical_uri(uri) == canon
    assert canonical_uri(canon) == canon


@pytest.mark.parametrize(
    "uri",
    ["", "alice", "sip:", "sip:@h", "sip:a@b@c", "sip:a b@h", "sip:a@h\n", "sip:a@h\r\nX: y", "sip:%4@h", "sip:%@h", "sip:%GG@h", "sip:张@h", "ſip:a@h", "<sip:a@h>", "mailto:", "mailto:a b", "urn:a\x00", "1x:y", "sip:a@h:port", "sip:" + "a" * MAX_URI],
)  # fmt: skip
def test_no_uri(uri: str) -> None:
    with pytest.raises(MalformedError):
        canonical_uri(uri)


@pytest.mark.parametrize(
    ("uri", "kind", "value"),
    [("sip:+12155551212@a", "tn", "+1-215-555-1212"), ("tel:+12155551212", "tn", "12155551212"), ("sip:Alice@Example.com:5060", "uri", "sip:alice@example.com;x"), ("urn:service:sos", "uri", "URN:service:SOS")],
    ids=["sip-number", "tel", "uri", "emergency"],
)  # fmt: skip
def test_call_and_claim_agree(uri: str, kind: str, value: str) -> None:
    assert of_uri(uri) == of_claim(kind, value)


def test_a_number_is_no_uri() -> None:
    assert Identifier("tn", "1") != Identifier("uri", "1")
    assert of_uri("sip:+12155551212@h") != of_claim("uri", "sip:+12155551212@h")
    assert of_uri("sip:2155551212@h", "1") == of_claim("tn", "12155551212")
    assert of_uri("sip:1@h", bare_digits=False) == Identifier("uri", "sip:1@h")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("tn", "alice"),
        ("tn", ""),
        ("tn", "1234567890123456"),
        ("uri", "alice"),
        ("TN", "1"),
        ("", "1"),
        ("email", "a@b"),
    ],
)
def test_no_claim(kind: str, value: str) -> None:
    with pytest.raises(MalformedError):
        of_claim(kind, value)


@given(st.text("+0123456789-.() *#", max_size=20))
def test_a_canonical_number_stays(text: str) -> None:
    number = canonical_number(text)
    assert number is None or (canonical_number(number) == number and set(number) <= set("0123456789*#"))


@given(st.one_of(st.text(max_size=40), st.text("siptel:+12@h%;=&a[]?x", max_size=40).map("sip:".__add__)))
def test_any_text_is_an_identifier_or_malformed(text: str) -> None:
    with contextlib.suppress(MalformedError):
        identifier = of_uri(text)
        assert identifier.value.isascii()
        assert of_claim(identifier.kind, identifier.value) == identifier
