"""The fetcher against real servers on loopback, honest and otherwise."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import time
from collections.abc import Awaitable
from datetime import UTC, datetime

import pytest
import trustme

from stirshaken.fetch import LISTS, Fetched, Fetcher, FetchError, Limits, Reason
from stirshaken.x5u import Allowed
from tests.stirshaken.https import HOST, OK, Behaviour, Seen, context, endless, hangs, resets, says, serving, trusting

CA = trustme.CA()
SERVER = context(CA)
QUICK = Limits(lookup=0.2, connect=0.3, total=0.5)
LOOPBACK = ["127.0.0.1"]


class Names:
    """A resolver that gives its answers in turn, the last one again and again, and counts."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def lab(*hosts: str, port: int, private: bool = True) -> Allowed:
    return Allowed(endpoints=frozenset((host, port) for host in hosts), private=private)


def fetcher(port: int, *, host: str = HOST, answers: list[str] = LOOPBACK, limits: Limits = QUICK) -> Fetcher:
    return Fetcher(resolve=Names(answers), ssl_context=trusting(CA), allowed=lab(host, port=port), limits=limits)


async def refusal(fetch: Awaitable[Fetched]) -> tuple[str, str]:
    with pytest.raises(FetchError) as caught:
        await fetch
    assert str(caught.value).isascii()
    return caught.value.reason, caught.value.detail


def visit(
    behave: Behaviour, *, tls: ssl.SSLContext | None = SERVER, limits: Limits = QUICK
) -> tuple[Fetched | tuple[str, str], Seen]:
    """Fetch once from a server that behaves so; nothing may be left open, and no limit overrun."""

    async def run() -> tuple[Fetched | tuple[str, str], Seen]:
        async with serving(tls, behave) as seen, fetcher(seen.port, limits=limits) as one:
            began = time.monotonic()
            try:
                result: Fetched | tuple[str, str] = await one.fetch(f"https://{HOST}:{seen.port}/a.pem")
            except FetchError as error:
                result = (error.reason, error.detail)
            assert time.monotonic() - began < limits.total + 0.25
            assert one._pool.connections == []
            return result, seen

    return asyncio.run(run())


def head(*fields: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode()


BODY = b"b" * (64 * 1024)


@pytest.mark.parametrize(
    ("behave", "body"),
    [
        pytest.param(says(OK), b"chain", id="plain"),
        pytest.param(says(head("Content-Length: 5", "Content-Encoding: Identity"), b"chain"), b"chain", id="identity"),
        pytest.param(says(head("Transfer-Encoding: chunked"), b"2\r\nch\r\n", b"3\r\nain\r\n0\r\n\r\n"), b"chain", id="chunked"),
        pytest.param(says(head(), b"chain"), b"chain", id="until-closed"),
        pytest.param(says(head(f"Content-Length: {len(BODY)}"), BODY), BODY, id="as-large-as-may-be"),
        pytest.param(says(head("Content-Length: 0")), b"", id="empty"),
        pytest.param(says(head("Content-Length: 2"), b"chain of lies"), b"ch", id="says-less-than-it-sends"),
        pytest.param(says(head(status="103 Early Hints"), OK), b"chain", id="after-an-interim-response"),
        pytest.param(says(OK[:9], OK[9:40], OK[40:], pause=0.05), b"chain", id="slow-but-in-time"),
        pytest.param(says(head("Content-Length: 5, 5"), b"chain"), b"chain", id="length-said-twice"),
    ],
)  # fmt: skip
def test_fetched(behave: Behaviour, body: bytes) -> None:
    fetched, seen = visit(behave)

    assert isinstance(fetched, Fetched)
    assert fetched.body == body
    assert 0 < fetched.seconds < QUICK.total
    assert seen.connections == 1


def test_header_fields_are_handed_on() -> None:
    fetched, _ = visit(says(OK))

    assert isinstance(fetched, Fetched)
    assert (b"Cache-Control", b"max-age=7") in fetched.headers


@pytest.mark.parametrize(
    ("behave", "refused"),
    [
        *[pytest.param(says(head(f"Location: https://{HOST}/b", status=f"{code} Elsewhere")), ("redirect", str(code)), id=str(code)) for code in (300, 301, 302, 303, 307, 308)],
        *[pytest.param(says(head("Content-Length: 0", status=f"{code} No")), ("status", str(code)), id=str(code)) for code in (201, 206, 401, 404, 407, 410, 500, 503)],
        pytest.param(says(head(status="204 None")), ("status", "204"), id="204"),
        pytest.param(says(head("Upgrade: x", "Connection: upgrade", status="101 Switching")), ("protocol", ""), id="101"),
        pytest.param(says(head(f"Content-Length: {len(BODY) + 1}"), BODY, b"b"), ("too_large", "body"), id="one-octet-too-many"),
        pytest.param(says(head("Content-Length: 99999999999999999999")), ("too_large", "body"), id="says-it-is-huge"),
        pytest.param(says(head(), BODY, b"b"), ("too_large", "body"), id="one-octet-too-many-unsaid"),
        pytest.param(endless(head(), BODY), ("too_large", "body"), id="never-ends"),
        pytest.param(endless(head("Transfer-Encoding: chunked"), b"1000\r\n" + BODY[:4096] + b"\r\n"), ("too_large", "body"), id="chunks-never-end"),
        pytest.param(endless(head("Transfer-Encoding: chunked"), b"1\r\nb\r\n" * 1000), ("too_large", "body"), id="crumbs-never-end"),
        pytest.param(endless(head("Transfer-Encoding: chunked"), b"1;" + b"x" * 4000 + b"\r\nb\r\n"), ("too_large", "response"), id="chunk-extensions-never-end"),
        pytest.param(endless(b"", head(status="103 Early Hints") * 100), ("too_large", "response"), id="interim-responses-never-end"),
        pytest.param(says(head(*[f"X-{n}: {'x' * 1000}" for n in range(17)], "Content-Length: 0")), ("too_large", "header"), id="large-header"),
        pytest.param(endless(b"HTTP/1.1 200 OK\r\n", b"X: " + b"x" * 1000 + b"\r\n"), ("too_large", "response"), id="header-never-ends"),
        pytest.param(endless(b"", b"x" * 1000), ("too_large", "response"), id="line-never-ends"),
        pytest.param(says(head("Content-Length: 9"), b"chain"), ("protocol", ""), id="says-more-than-it-sends"),
        pytest.param(says(head("Transfer-Encoding: chunked"), b"9\r\nchain"), ("protocol", ""), id="chunk-cut-short"),
        pytest.param(says(head("Content-Length: -1")), ("protocol", ""), id="negative-length"),
        pytest.param(says(head("Content-Length: 1", "Content-Length: 2"), b"ab"), ("protocol", ""), id="two-lengths"),
        pytest.param(says(head("Content-Length: " + "9" * 5000)), ("protocol", ""), id="length-of-5000-digits"),
        pytest.param(says(head("Content-Encoding: gzip"), gzip.compress(bytes(10_000_000))), ("protocol", "encoded body"), id="gzip-bomb"),
        pytest.param(says(head("Content-Encoding: identity, br"), b"x"), ("protocol", "encoded body"), id="encoded-twice"),
        pytest.param(says(head("Transfer-Encoding: gzip, chunked"), b"0\r\n\r\n"), ("protocol", ""), id="gzip-as-transfer"),
        pytest.param(says(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), ("protocol", ""), id="not-http"),
        pytest.param(says(b"\x00\xff" * 100 + b"\r\n\r\n"), ("protocol", ""), id="noise"),
        pytest.param(says(b"HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n"), ("protocol", ""), id="nul-in-header"),
        pytest.param(says(), ("protocol", ""), id="hangs-up-at-once"),
        pytest.param(says(OK[:20]), ("protocol", ""), id="hangs-up-in-the-header"),
        pytest.param(resets(b""), ("protocol", "broken off"), id="resets"),
        pytest.param(resets(head("Content-Length: 9") + b"chain"), ("protocol", "broken off"), id="resets-in-the-body"),
        pytest.param(hangs, ("timeout", ""), id="never-answers"),
        pytest.param(says(*[b"%c" % octet for octet in OK], pause=0.02), ("timeout", ""), id="drips-header"),
        pytest.param(says(head("Content-Length: 99"), *[b"x"] * 99, pause=0.02), ("timeout", ""), id="drips-body"),
    ],
)  # fmt: skip
def test_refused(behave: Behaviour, refused: tuple[str, str]) -> None:
    result, seen = visit(behave)

    assert result == refused
    assert seen.connections == 1  # in particular no redirect is followed, and nothing is tried twice


def test_the_request() -> None:
    _, seen = visit(says(OK))

    (request,) = seen.requests
    line, *fields = request.decode().strip().split("\r\n")
    assert line == "GET /a.pem HTTP/1.1"
    assert sorted(fields) == [
        "Accept-Encoding: identity",
        "Accept: application/pem-certificate-chain",
        "Connection: close",
        f"Host: {HOST}:{seen.port}",
        "User-Agent: stirshaken",
    ]


def test_lists_are_asked_for_over_http_where_that_is_permitted() -> None:
    async def run() -> tuple[Fetched, bytes]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            requests.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(OK)
            await writer.drain()
            writer.close()

        requests: list[bytes] = []
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        allowed = Allowed(frozenset({(HOST, port)}), private=True, plain=True)
        async with server, Fetcher(resolve=Names(LOOPBACK), allowed=allowed, limits=QUICK, accept=LISTS) as one:
            return await one.fetch(f"http://{HOST}:{port}/a.crl"), requests[0]

    fetched, request = asyncio.run(run())
    assert fetched.body == b"chain"
    assert f"Accept: {LISTS}\r\n".encode() in request


def test_no_cookie_comes_back() -> None:
    async def run() -> list[bytes]:
        cookie = says(head("Set-Cookie: a=b; Path=/", "Content-Length: 0"))
        async with serving(SERVER, cookie) as seen, fetcher(seen.port) as one:
            for _ in range(2):
                await one.fetch(f"https://{HOST}:{seen.port}/")
            return seen.requests

    first, second = asyncio.run(run())
    assert first == second
    assert b"ookie" not in second


def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    fetched, _ = visit(says(OK))
    assert isinstance(fetched, Fetched)


@pytest.mark.parametrize(
    ("tls", "refused"),
    [
        pytest.param(context(CA, "elsewhere.example"), ("tls", "certificate"), id="another-name"),
        pytest.param(context(CA, "127.0.0.1"), ("tls", "certificate"), id="the-address-is-not-the-name"),
        pytest.param(context(trustme.CA()), ("tls", "certificate"), id="another-authority"),
        pytest.param(context(CA, not_after=datetime(2020, 1, 1, tzinfo=UTC)), ("tls", "certificate"), id="expired"),
    ],
)
def test_tls_refused(tls: ssl.SSLContext, refused: tuple[str, str]) -> None:
    result, seen = visit(says(OK), tls=tls)

    assert result == refused
    assert seen.requests == []


def test_a_client_certificate_is_not_had() -> None:
    tls = context(CA)
    tls.verify_mode = ssl.CERT_REQUIRED
    CA.configure_trust(tls)
    result, seen = visit(says(OK), tls=tls)
    assert result in {("tls", ""), ("protocol", "broken off")}  # the alert comes after the handshake, or the reset does
    assert seen.requests == []


@pytest.mark.parametrize(
    ("behave", "refused"),
    [
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), ("tls", "handshake")),
        (says(), ("tls", "handshake")),
        (resets(b""), ("tls", "handshake")),
        (hangs, ("timeout", "")),
    ],
    ids=["plain-http", "hangs-up", "resets", "never-answers"],
)
def test_no_tls_at_all(behave: Behaviour, refused: tuple[str, str]) -> None:
    assert visit(behave, tls=None)[0] == refused


def test_while_one_hangs_another_is_answered() -> None:
    async def run() -> None:
        ways: dict[str, Behaviour] = {"/hangs": hangs, "/a.pem": says(OK)}
        async with serving(SERVER, ways) as seen, fetcher(seen.port) as one:
            hanging = [
                asyncio.get_running_loop().create_task(refusal(one.fetch(f"https://{HOST}:{seen.port}/hangs")))
                for _ in range(20)
            ]
            await asyncio.sleep(0.1)
            began = time.monotonic()
            await one.fetch(f"https://{HOST}:{seen.port}/a.pem")
            assert time.monotonic() - began < 0.2
            assert {result[0] for result in await asyncio.gather(*hanging)} == {"timeout"}
            assert one._pool.connections == []

    asyncio.run(run())


@pytest.mark.parametrize("tls", [SERVER, None], ids=["in-the-exchange", "in-the-handshake"])
def test_a_cancelled_fetch_leaves_nothing_open(tls: ssl.SSLContext | None) -> None:
    async def run() -> None:
        async with serving(tls, hangs) as seen, fetcher(seen.port) as one:
            task = asyncio.get_running_loop().create_task(one.fetch(f"https://{HOST}:{seen.port}/"))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert one._pool.connections == []
            assert seen.connections == 1

    asyncio.run(run())


def test_limits_are_those_of_the_design() -> None:
    assert (Limits().connect, Limits().total, Limits().body) == (2.0, 3.0, 65536)
    assert [str(reason) for reason in Reason] == [
        "refused_url", "refused_address", "dns", "connect", "tls", "timeout", "too_large", "status", "redirect", "protocol",
    ]  # fmt: skip
