"""The Identity field value: what is read, what is refused, what is written."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stirshaken.errors import MalformedError
from stirshaken.identity import MAX_LINE, MAX_PARAMS, MAX_VALUE, IdentityField, form, parse, split

URL = "https://cert.example.org/passport.cer"
PLAIN = f"eyJ.eyJ.c2ln;info=<{URL}>;alg=ES256;ppt=shaken".encode()
SHAKEN = IdentityField(b"eyJ.eyJ.c2ln", URL, "ES256", "shaken")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (PLAIN, SHAKEN),
        (b'eyJ.eyJ.c2ln;info=<https://cert.example.org/passport.cer>;alg="ES256";ppt="shaken"', SHAKEN),
        (b"eyJ.eyJ.c2ln ; PPT = shaken ;\tAlg=ES256; INFO= <https://cert.example.org/passport.cer> ", SHAKEN),
        (b'eyJ.eyJ.c2ln;ppt=shaken;info="https://cert.example.org/passport.cer"', SHAKEN),
        (b"eyJ.eyJ.c2ln;info=https://cert.example.org/passport.cer;ppt=shaken", SHAKEN),
        (b'eyJ.eyJ.c2ln;info=<https://cert.example.org/passport.cer>;ppt="sh\\aken"', SHAKEN),
        (b"..c2ln;info=<https://h/c>", IdentityField(b"..c2ln", "https://h/c")),
        (b"a.b.c;info=<https://h/c;v=1,2?x>", IdentityField(b"a.b.c", "https://h/c;v=1,2?x")),
        (b'a.b.c;info=<https://h/c>;canon=x;Flag;q="a;b\\",c"', IdentityField(b"a.b.c", "https://h/c", params=(("canon", "x"), ("flag", ""), ("q", 'a;b",c')))),
        ('a.b.c;info=<https://h/c>;q="张"'.encode(), IdentityField(b"a.b.c", "https://h/c", params=(("q", "张"),))),
        (b"a.b.c;info=<https://h/c>;alg=RS256", IdentityField(b"a.b.c", "https://h/c", "RS256")),
        (b"junk;info=<x:y>", IdentityField(b"junk", "x:y")),
    ],
    ids=["plain", "quoted", "spaced-any-order-any-case", "info-quoted", "info-bare", "quoted-pair", "compact", "uri-with-separators", "generic", "utf-8", "other-alg", "no-jws"],
)  # fmt: skip
def test_parse(value: bytes, field: IdentityField) -> None:
    assert parse(value) == field


@pytest.mark.parametrize(("token", "compact"), [(b"..c2ln", True), (b"a.b.c", False), (b".b.c", False), (b"...", True)])
def test_compact(token: bytes, compact: bool) -> None:
    assert parse(token + b";info=<x:y>").compact is compact


@pytest.mark.parametrize(
    "value",
    [
        b"", b" ", b";", b";info=<x:y>", b"a.b.c", b"a.b.c;", b"a.b.c;alg=ES256", b"a.b.c;info", b"a.b.c;info=", b"a.b.c;info=<>", b'a.b.c;info=""', b"a.b.c;info=x", b"a.b.c;info=</x>",
        b"a.b.c;info=<https://h/ c>", b"a.b.c;info=<https://h/c", b"a.b.c;info=https://h/c>", b'a.b.c;info="https://h/c', b"a.b.c;info=<https://h/\xc3\xa9>", b'a.b.c;info="https://h/\xc3\xa9"', b'a.b.c;info="<https://h/c>"',
        b"a.b.c;info=<x:y>;info=<x:y>", b"a.b.c;info=<x:y>;INFO=<x:y>", b"a.b.c;info=<x:y>;x;x", b"a.b.c;info=<x:y>;ppt=a;ppt=b", b"a.b.c;info=<x:y>;alg", b'a.b.c;info=<x:y>;alg=""', b"a.b.c;info=<x:y>;ppt", b'a.b.c;info=<x:y>;ppt="a b"',
        b"a.b.c;info=<x:y>;;", b"a.b.c;info=<x:y> x", b"a.b.c;info=<x:y>x", b"a.b.c;info=<x:y>;x=", b"a.b.c;info=<x:y>;=x", b"a.b.c;info=<x:y>,a.b.c;info=<x:y>", b"a.b.c;info=<x:y>\r\n", b"a.b.c\r\n;info=<x:y>", b"a.b.c;info=<x:y>;x=\x00",
        b'a.b.c;info=<x:y>;q="\xff"', b'a.b.c;info=<x:y>;q="\n"', b'"a.b.c";info=<x:y>', b"<a.b.c>;info=<x:y>", b"a/b+c=;info=<x:y>", b"a b;info=<x:y>", "ａ;info=<x:y>".encode(),
    ],
)  # fmt: skip
def test_refused(value: bytes) -> None:
    with pytest.raises(MalformedError):
        parse(value)


def test_bounds() -> None:
    base = b"a.b.c;info=<x:y>"
    assert len(parse(base + b";x=" + b"y" * (MAX_VALUE - len(base) - 3)).params) == 1
    assert len(parse(base + b"".join(b";p%d" % n for n in range(MAX_PARAMS - 1))).params) == MAX_PARAMS - 1
    for value in (base + b";x=" + b"y" * MAX_VALUE, base + b"".join(b";p%d" % n for n in range(MAX_PARAMS))):
        with pytest.raises(MalformedError):
            parse(value)
    with pytest.raises(MalformedError):
        split(b"a" * (MAX_LINE + 1))


@pytest.mark.parametrize(
    ("line", "values"),
    [
        (b"a", [b"a"]),
        (b" a , b\t,c ", [b"a", b"b", b"c"]),
        (b'a;info=<x:1,2>;q="3,4\\",5",b', [b'a;info=<x:1,2>;q="3,4\\",5"', b"b"]),
        (PLAIN + b"," + PLAIN, [PLAIN, PLAIN]),
    ],
    ids=["one", "spaces", "commas-inside", "two"],
)
def test_split(line: bytes, values: list[bytes]) -> None:
    assert split(line) == values


@pytest.mark.parametrize(
    "line", [b"", b" ", b",", b"a,", b",a", b"a,,b", b"a, ,b", b'a;q="b', b'a;q="b\\"', b"a;info=<x", b'"', b"<"]
)
def test_no_split(line: bytes) -> None:
    with pytest.raises(MalformedError):
        split(line)


def test_form() -> None:
    assert form("eyJ.eyJ.c2ln", URL, "ES256", "shaken").encode() == PLAIN
    assert form("..c2ln", "https://h/c") == "..c2ln;info=<https://h/c>;alg=ES256"


@pytest.mark.parametrize(
    ("token", "info", "alg", "ppt"),
    [("", URL, "ES256", ""), (" a", URL, "ES256", ""), ("a;x", URL, "ES256", ""), ("é", URL, "ES256", ""), ("a\r\nX: y", URL, "ES256", ""), ("a", "h", "ES256", ""), ("a", "x:>;y", "ES256", ""), ("a", "x:\n", "ES256", ""), ("a", URL, "", ""), ("a", URL, "ES256", "a b"), ("a", URL, "ES256", "a;b"), ("a" * MAX_VALUE, URL, "ES256", "")],
)  # fmt: skip
def test_no_form(token: str, info: str, alg: str, ppt: str) -> None:
    with pytest.raises(MalformedError):
        form(token, info, alg, ppt)


TOKENS = st.from_regex(r"[A-Za-z0-9_.\-]{1,60}", fullmatch=True)
INFOS = st.from_regex(r"[a-z][a-z0-9+.\-]{0,8}:[!#-;=?-~]{1,40}", fullmatch=True)
NAMES = st.from_regex(r"[A-Za-z0-9\-.!%*_+`'~]{1,12}", fullmatch=True)


@given(TOKENS, INFOS, NAMES, st.just("") | NAMES)
def test_what_is_written_is_read(token: str, info: str, alg: str, ppt: str) -> None:
    text = form(token, info, alg, ppt).encode()
    assert parse(text) == IdentityField(token.encode(), info, alg, ppt)
    assert split(text + b" , " + text) == [text, text]


WILD = st.one_of(
    st.binary(max_size=80),
    st.text('a.;,="<>\\ xinfo:\t', max_size=60).map(str.encode),
    st.builds(lambda at, junk, drop: PLAIN[:at] + junk + PLAIN[at + drop :], st.integers(0, len(PLAIN)), st.binary(max_size=8), st.integers(0, 8)),
)  # fmt: skip


@given(WILD)
@example(b'"' * 8000)
@example(b"a" + b';a="' * 2000)
@example(b"a" + b" \t" * 4000)
def test_any_octets_are_an_identity_or_malformed(value: bytes) -> None:
    with contextlib.suppress(MalformedError):
        parse(value)
    with contextlib.suppress(MalformedError):
        assert all(part and part in value for part in split(value))
