"""Where the fetcher connects to: names, their addresses, the rule of a laboratory; never anywhere else."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from stirshaken.fetch import MAX_ANSWERS, MAX_LOOKUPS, Fetcher, Limits, SystemResolver
from stirshaken.x5u import Allowed
from tests.stirshaken.https import HOST, OK, context, says, serving, trusting
from tests.stirshaken.test_fetch import CA, LOOPBACK, QUICK, SERVER, Names, fetcher, lab, refusal

PUBLIC = "3ffe::1"  # public by the table, but no one has it: even a broken fetcher meets nobody there


@pytest.mark.parametrize(
    ("host", "written", "answers"),
    [
        ("cert.lab.example", "Cert.Lab.EXAMPLE", ["127.0.0.1"]),
        ("xn--e1afmkfd.example", "xn--e1afmkfd.example", ["127.0.0.1"]),
        ("127.0.0.1", "127.0.0.1", ["192.0.2.1"]),
    ],
)
def test_the_host_checked_is_the_host_connected(host: str, written: str, answers: list[str]) -> None:
    async def run() -> None:
        async with serving(context(CA, host), says(OK)) as seen, fetcher(seen.port, host=host, answers=answers) as one:
            assert (await one.fetch(f"https://{written}:{seen.port}/")).body == b"chain"
            assert f"Host: {host}:{seen.port}\r\n".encode() in seen.requests[0]
            assert seen.names == [None if host == "127.0.0.1" else host]

    asyncio.run(run())


def test_ipv6() -> None:
    async def run() -> None:
        async with serving(context(CA, "::1"), says(OK), host="::1") as seen, fetcher(seen.port, host="::1") as one:
            assert (await one.fetch(f"https://[0:0::1]:{seen.port}/")).body == b"chain"
            assert f"Host: [::1]:{seen.port}\r\n".encode() in seen.requests[0]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (["10.0.0.1"], "private use"),
        ([PUBLIC, "10.0.0.1"], "private use"),
        (["10.0.0.1", PUBLIC], "private use"),
        ([PUBLIC] * 5 + ["127.0.0.1"], "loopback"),
        ([PUBLIC, "::1"], "loopback"),
        ([PUBLIC, "::ffff:127.0.0.1"], "IPv4-mapped"),
        ([PUBLIC, "64:ff9b::7f00:1"], "NAT64 of loopback"),
        ([PUBLIC, "2002:7f00:1::"], "6to4"),
        ([PUBLIC, "fe80::1%1"], "scoped"),
        ([PUBLIC, "169.254.169.254"], "link local"),
        ([PUBLIC, "0.0.0.0"], "this network"),
        ([PUBLIC, "metadata.internal"], "no address"),
    ],
)
def test_every_address_of_a_name_is_checked(answers: list[str], reason: str) -> None:
    async def run() -> None:
        async with Fetcher(resolve=Names(answers), limits=QUICK) as one:
            assert await refusal(one.fetch("https://cert.example.org/a.pem")) == ("refused_address", reason)

    asyncio.run(run())


@pytest.mark.parametrize("answers", [["127.0.0.1", "169.254.169.254"], ["127.0.0.1", "224.0.0.1"]])
def test_a_laboratory_permits_private_addresses_alone(answers: list[str]) -> None:
    async def run() -> None:
        async with serving(SERVER, says(OK)) as seen, fetcher(seen.port, answers=answers) as one:
            assert (await refusal(one.fetch(f"https://{HOST}:{seen.port}/")))[0] == "refused_address"
            assert seen.connections == 0

    asyncio.run(run())


@pytest.mark.parametrize(
    ("allowed", "reason"),
    [
        (lambda port: Allowed(), "refused_url"),
        (lambda port: lab(HOST, port=port, private=False), "refused_address"),
        (lambda port: lab("other.example", port=port), "refused_url"),
        (lambda port: lab(HOST, port=port + 1), "refused_url"),
        (lambda port: Allowed(suffixes=("lab.example",), private=True), "refused_url"),
    ],
    ids=["nothing", "not-private", "another-host", "another-port", "a-suffix-opens-no-port"],
)
def test_loopback_needs_its_own_rule(allowed: Callable[[int], Allowed], reason: str) -> None:
    async def run() -> None:
        async with (
            serving(SERVER, says(OK)) as seen,
            Fetcher(resolve=Names(LOOPBACK), ssl_context=trusting(CA), allowed=allowed(seen.port), limits=QUICK) as one,
        ):
            assert (await refusal(one.fetch(f"https://{HOST}:{seen.port}/")))[0] == reason
            assert seen.connections == 0

    asyncio.run(run())


def test_a_suffix_lets_the_ports_of_the_rule_be_private() -> None:
    """Nobody listens there, so that the connection is refused: but it was tried."""

    async def run() -> None:
        allowed = Allowed(suffixes=("lab.example",), private=True)
        async with Fetcher(resolve=Names(["127.77.0.1"]), allowed=allowed, limits=QUICK) as one:
            assert await refusal(one.fetch(f"https://{HOST}:8443/")) == ("connect", "connect")
            assert (await refusal(one.fetch("https://elsewhere.example:8443/")))[0] == "refused_address"

    asyncio.run(run())


def test_rebinding_changes_nothing() -> None:
    """The second answer leads elsewhere; nobody asks for it."""

    async def run() -> None:
        names = Names(["127.0.0.1"], ["127.0.0.2"])
        async with (
            serving(SERVER, says(OK)) as seen,
            serving(SERVER, says(OK), host="127.0.0.2", port=seen.port) as other,
        ):
            allowed = lab(HOST, port=seen.port)
            async with Fetcher(resolve=names, ssl_context=trusting(CA), allowed=allowed, limits=QUICK) as one:
                await one.fetch(f"https://{HOST}:{seen.port}/")
            assert names.asked == [(HOST, seen.port)]
            assert (seen.connections, other.connections) == (1, 0)

    asyncio.run(run())


def test_rebinding_to_an_inner_address_is_refused_the_second_time() -> None:
    async def run() -> None:
        names = Names(["127.0.0.1"], ["169.254.169.254"])
        async with serving(SERVER, says(OK)) as seen:
            allowed = lab(HOST, port=seen.port)
            async with Fetcher(resolve=names, ssl_context=trusting(CA), allowed=allowed, limits=QUICK) as one:
                await one.fetch(f"https://{HOST}:{seen.port}/")
                assert (await refusal(one.fetch(f"https://{HOST}:{seen.port}/")))[0] == "refused_address"

    asyncio.run(run())


@pytest.mark.parametrize("answers", [[], [PUBLIC] * (MAX_ANSWERS + 1)], ids=["none", "too-many"])
def test_no_usable_answer(answers: list[str]) -> None:
    async def run() -> None:
        async with Fetcher(resolve=Names(answers), limits=QUICK) as one:
            assert (await refusal(one.fetch("https://cert.example.org/")))[0] == "dns"

    asyncio.run(run())


async def no_such_name(host: str, port: int) -> list[str]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


async def silent(host: str, port: int) -> list[str]:
    await asyncio.sleep(30)
    return []


@pytest.mark.parametrize(("resolve", "detail"), [(no_such_name, ""), (silent, "no answer in time")])
def test_no_answer(resolve: Callable[[str, int], Awaitable[list[str]]], detail: str) -> None:
    async def run() -> None:
        async with Fetcher(resolve=resolve, limits=QUICK) as one:
            began = time.monotonic()
            assert await refusal(one.fetch("https://cert.example.org/")) == ("dns", detail)
            assert time.monotonic() - began < QUICK.lookup + 0.2

    asyncio.run(run())


@pytest.mark.parametrize(("suffixes", "reason"), [((), "refused_address"), (("localhost",), "connect")])
def test_the_system_resolves(suffixes: tuple[str, ...], reason: str) -> None:
    async def run() -> None:
        async with Fetcher(allowed=Allowed(suffixes=suffixes, private=True), limits=QUICK) as one:
            assert (await refusal(one.fetch("https://localhost:8443/a.pem")))[0] == reason

    asyncio.run(run())


def test_look_ups_that_hang_are_bounded() -> None:
    """Threads cannot be stopped: those that still run count, though nobody waits for them."""

    def lingers(host: str, port: int) -> list[str]:
        time.sleep(0.15)
        return [PUBLIC]

    async def run() -> None:
        async with Fetcher(resolve=SystemResolver(lingers), limits=Limits(lookup=0.05)) as one:
            fetches = [refusal(one.fetch("https://cert.example.org/")) for _ in range(MAX_LOOKUPS)]
            assert set(await asyncio.gather(*fetches)) == {("dns", "no answer in time")}
            assert await refusal(one.fetch("https://cert.example.org/")) == ("dns", "")

    asyncio.run(run())


def test_the_next_address_is_tried() -> None:
    async def run() -> None:
        async with serving(SERVER, says(OK)) as seen, fetcher(seen.port, answers=["127.0.0.3", "127.0.0.1"]) as one:
            assert (await one.fetch(f"https://{HOST}:{seen.port}/")).body == b"chain"

    asyncio.run(run())


def full_listener() -> tuple[socket.socket, list[socket.socket]]:
    """A socket whose queue is full, so that the kernel leaves further connections without an answer."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = [socket.socket() for _ in range(3)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(listener.getsockname())
    return listener, waiting


def test_connecting_takes_no_longer_than_its_time() -> None:
    async def run() -> None:
        listener, waiting = full_listener()
        limits = Limits(connect=0.2, total=2.0)
        async with fetcher(listener.getsockname()[1], limits=limits) as one:
            began = time.monotonic()
            url = f"https://{HOST}:{listener.getsockname()[1]}/"
            assert await refusal(one.fetch(url)) == ("timeout", "connect")
            assert 0.15 < time.monotonic() - began < 0.6
        for sock in (listener, *waiting):
            sock.close()

    asyncio.run(run())


@pytest.mark.parametrize("url", ["http://cert.example.org/", "https://cert.example.org:8080/", "", "https://a\nb/"])
def test_a_url_outside_the_rule_is_not_looked_up(url: str) -> None:
    async def run() -> None:
        names = Names(LOOPBACK)
        async with Fetcher(resolve=names, limits=QUICK) as one:
            assert (await refusal(one.fetch(url)))[0] == "refused_url"
        assert names.asked == []

    asyncio.run(run())


def test_synthetic_urls(vectors: Path) -> None:
    """Those to refuse are refused for what they are; the rest gets as far as a resolver that knows no name."""
    cases = json.loads((vectors / "x5u" / "synthetic_x5u.json").read_text("utf-8"))["cases"]

    async def run() -> dict[str, str]:
        async with Fetcher(resolve=no_such_name, limits=QUICK) as one:
            return {url: (await refusal(one.fetch(url)))[0] for url, _ in cases}

    reasons = asyncio.run(run())
    by_name = {"https://localhost/a.pem", "https://cert.example.org"}
    for url, says_so in cases:
        expected = {"dns"} if says_so.startswith("accept") or url in by_name else {"refused_url", "refused_address"}
        assert reasons[url] in expected or url.startswith("https://cert.example.org.:"), url
