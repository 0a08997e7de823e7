"""The URL rule."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stirshaken import addresses
from stirshaken.errors import MalformedError
from stirshaken.x5u import MAX_URL, Allowed, X5u, parse

LABEL = "a" * 63


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://cert.example.org/a.pem", "cert.example.org", 443, "/a.pem", "cert.example.org"),
        ("HTTPS://Cert.Example.ORG:443/A.pem", "cert.example.org", 443, "/A.pem", "cert.example.org"),
        ("https://cert.example.org:8443/a/b-c_d~e", "cert.example.org", 8443, "/a/b-c_d~e", "cert.example.org:8443"),
        ("https://cert.example.org", "cert.example.org", 443, "/", "cert.example.org"),
        ("https://cert.example.org/%41/@:!$&'()*+,=", "cert.example.org", 443, "/%41/@:!$&'()*+,=", "cert.example.org"),
        ("https://cert.example.org//a/../b", "cert.example.org", 443, "//a/../b", "cert.example.org"),
        ("https://xn--e1afmkfd.xn--p1ai/", "xn--e1afmkfd.xn--p1ai", 443, "/", "xn--e1afmkfd.xn--p1ai"),
        ("https://1.2.3.com/", "1.2.3.com", 443, "/", "1.2.3.com"),
        ("https://lab1/", "lab1", 443, "/", "lab1"),
        (f"https://{LABEL}.com/", f"{LABEL}.com", 443, "/", f"{LABEL}.com"),
        ("https://65.108.80.93/cert.pem", "65.108.80.93", 443, "/cert.pem", "65.108.80.93"),
        ("https://[2A01:0:0::1]/c", "2a01::1", 443, "/c", "[2a01::1]"),
        ("https://[2a01::1]:8443/c", "2a01::1", 8443, "/c", "[2a01::1]:8443"),
    ],
)  # fmt: skip
def test_accepted(url: str, host: str, port: int, path: str, authority: str) -> None:
    read = parse(url)

    assert read == X5u(host, port, path, url)
    assert read.authority == authority


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "empty or too long"),
        ("https://h.example/" + "a" * MAX_URL, "empty or too long"),
        ("http://h.example/a", "scheme"),
        ("ftp://h.example/a", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("https:h.example/a", "scheme"),
        ("https:/h.example/a", "scheme"),
        ("//h.example/a", "scheme"),
        ("httpss://h.example/a", "scheme"),
        ("https://https://h.example/", "malformed host or port"),
        ("https://", "malformed host or port"),
        ("https:///a", "malformed host or port"),
        ("https://:443/a", "malformed host or port"),
        ("https://h.example:/a", "malformed host or port"),
        ("https://h.example:0443/a", "malformed host or port"),
        ("https://h.example:443:443/a", "malformed host or port"),
        ("https://h.example:+443/a", "malformed host or port"),
        ("https://h.example:80/a", "port"),
        ("https://h.example:65979/a", "port"),  # 443 modulo 65536
        ("https://u@h.example/a", "userinfo"),
        ("https://u:p@h.example/a", "userinfo"),
        ("https://@h.example/a", "userinfo"),
        ("https://h.example/a?x=1", "query"),
        ("https://h.example/a?", "query"),
        ("https://h.example?", "query"),
        ("https://h.example/a#f", "fragment"),
        ("https://h.example#@127.0.0.1/", "fragment"),
        ("https://h.example/a;v=1", "path parameter"),
        ("https://h.example/a/%", "malformed path"),
        ("https://h.example/a/%4g", "malformed path"),
        ("https://h.example/[a]", "malformed path"),
        ("https://h%2eexample/", "malformed host or port"),
        ("https://h_1.example/", "malformed host or port"),
        ("https://-h.example/", "malformed host name"),
        ("https://h-.example/", "malformed host name"),
        ("https://xn--/", "malformed host name"),
        ("https://h..example/", "malformed host name"),
        ("https://.example/", "malformed host name"),
        ("https://h.example./", "malformed host name"),
        (f"https://{LABEL}a.com/", "malformed host name"),
        (f"https://{'.'.join([LABEL] * 4)}.com/", "malformed host name"),
        ("https://127.1/", "malformed host name"),
        ("https://2130706433/", "malformed host name"),
        ("https://0x7f.0.0.1/", "malformed host name"),
        ("https://0x7f000001/", "malformed host name"),
        ("https://127.0.0.0x1/", "malformed host name"),
        ("https://1.2.3.4.5/", "malformed host name"),
        ("https://0177.0.0.1/", "malformed host name"),
        ("https://010.0.0.1/", "malformed address"),
        ("https://127.0.0.01/", "malformed address"),
        ("https://256.0.0.1/", "malformed address"),
        ("https://1.2.3.4./", "malformed host name"),
        ("https://2a01::1/", "malformed host or port"),
        ("https://[2a01::1/", "malformed host or port"),
        ("https://[2a01::1]443/", "malformed host or port"),
        ("https://[1.2.3.4]/", "malformed address"),
        ("https://[::]::]/", "malformed host or port"),
        ("https://[1::2::3]/", "malformed address"),
        ("https://[fe80::1%25eth0]/", "malformed host or port"),
        ("https://[v1.x]/", "malformed host or port"),
        *[(f"https://h.example/a{sign}b", "character") for sign in ' \t\r\n\0\x7f\\"<>^`{|}é\u3002\u2028\uff0f\ud800'],
        *[(f"https://h{sign}.example/b", "character") for sign in "\t\r\n\0 \\é\u3002\uff0e\u00ad"],
        (" https://h.example/", "character"),
        ("https://h.example/\n", "character"),
        ("https://\uff11.2.3.4/", "character"),
        ("https://h.example:\uff14\uff14\uff13/", "character"),
    ],
    ids=ascii,
)  # fmt: skip
def test_refused(url: str, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason) as caught:
        parse(url)
    assert caught.value.reason.isascii()


LAB = Allowed(endpoints=frozenset({("127.0.0.1", 9443), ("::1", 9443)}), suffixes=("lab.example",))


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("https://127.0.0.1:9443/a", 9443),
        ("https://[::1]:9443/a", 9443),
        ("https://cert.lab.example:8443/a", 8443),
        ("https://elsewhere.example/a", 443),
    ],
)
def test_the_rule_of_a_laboratory_adds(url: str, port: int) -> None:
    assert parse(url, LAB).port == port


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:9444/a",
        "https://127.0.0.2:9443/a",
        "https://cert.lab.example:9443/a",
        "http://127.0.0.1:9443/a",
        "https://127.0.0.1:9443/a?",
        "https://u@127.0.0.1:9443/a",
    ],
)
def test_the_rule_of_a_laboratory_is_narrow(url: str) -> None:
    with pytest.raises(MalformedError):
        parse(url, LAB)


PLAIN = Allowed(endpoints=frozenset({("127.0.0.1", 8080)}), plain=True)


@pytest.mark.parametrize(
    ("url", "scheme", "port", "authority"),
    [
        ("http://crl.example/a.crl", "http", 80, "crl.example"),
        ("HTTP://crl.example:80/a.crl", "http", 80, "crl.example"),
        ("http://127.0.0.1:8080/a.crl", "http", 8080, "127.0.0.1:8080"),
        ("https://crl.example:8443/a.crl", "https", 8443, "crl.example:8443"),
    ],
)
def test_lists_may_come_over_http(url: str, scheme: str, port: int, authority: str) -> None:
    read = parse(url, PLAIN)
    assert (read.scheme, read.port, read.authority) == (scheme, port, authority)


@pytest.mark.parametrize(
    "url",
    [
        "http://crl.example:443/a",
        "http://crl.example:8080/a",
        "https://crl.example:80/a",
        "ftp://crl.example/a",
        "http://u@crl.example/",
        "http://crl.example/?a",
    ],
)
def test_http_is_as_narrow(url: str) -> None:
    with pytest.raises(MalformedError):
        parse(url, PLAIN)


@pytest.mark.parametrize(
    ("host", "port", "covered"),
    [
        ("127.0.0.1", 9443, True),
        ("127.0.0.1", 443, False),
        ("lab.example", 443, True),
        ("a.b.lab.example", 8443, True),
        ("evillab.example", 443, False),
        ("lab.example.org", 443, False),
        ("lab.example", 9443, False),
    ],
)
def test_what_a_laboratory_covers(host: str, port: int, covered: bool) -> None:
    assert LAB.covers(host, port) is covered
    assert Allowed().covers(host, port) is False


def refused(url: str) -> bool:
    """By the rule, or because the host is an address that must not be connected to."""
    try:
        host = parse(url).host
    except MalformedError:
        return True
    return addresses.refused(host) not in {None, "no address"}


def test_urls_of_real_traffic(vectors: Path) -> None:
    real = json.loads((vectors / "x5u" / "real_x5u.json").read_text("utf-8"))

    assert [url for url in real["accept_sample"] if refused(url)] == []
    assert len(real["accept_sample"]) == 200
    passed = {row["url"]: row["why"] for row in real["outside_rule"] if not refused(row["url"])}
    # No rule of ATIS forbids an address for a host; its certificate must name that address.
    assert passed == {"https://65.108.80.93/cert.pem": ["IP literal"]}


def test_synthetic_urls(vectors: Path) -> None:
    cases = json.loads((vectors / "x5u" / "synthetic_x5u.json").read_text("utf-8"))["cases"]
    # Resolution comes later (test_fetch); no path is one "/", an absolute name is a second way to write a name.
    chosen = {
        "https://localhost/a.pem": False,
        "https://cert.example.org": False,
        "https://cert.example.org.:443/a.pem": True,
    }

    wrong = [(url, says) for url, says in cases if refused(url) != chosen.get(url, says.startswith("refuse"))]

    assert wrong == []
    assert len(cases) == 38


def test_urls_of_the_web(vectors: Path) -> None:
    """A URL passes only if a browser too reads it as https, at the same host and port, without the rest."""
    rows = [
        row for row in json.loads((vectors / "url" / "urltestdata.json").read_text("utf-8")) if isinstance(row, dict)
    ]
    passed = {row["input"]: row for row in rows if not refused(row["input"])}

    for url, row in passed.items():
        read = parse(url)
        assert (row["href"], row["host"]) == (f"https://{read.authority}{read.path}", read.authority), url
        assert not row.get("username")
        assert not row.get("search")
        assert not row.get("hash")
    assert set(passed) == {"https://foo:443/"}
    assert len(rows) > 800
