"""The one place that goes out: fetches what an x5u names, and lets no one choose where else it goes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Any, Final, Self

import httpcore

from stirshaken import addresses, x5u
from stirshaken.errors import MalformedError
from stirshaken.freshness import Headers
from stirshaken.x5u import NOTHING, Allowed, X5u

# All IPv4 and IPv6 addresses of one name are looked at; beyond this many the answer is no honest one.
MAX_ANSWERS: Final = 64
# Addresses tried in turn, each with its share of the time to connect.
MAX_ATTEMPTS: Final = 4
# Look-ups that a thread is still busy with: the resolver library may take minutes after we have turned away.
MAX_LOOKUPS: Final = 16

# Beyond this many fetches at a time the next one waits, within its own time; the repository allows fewer.
MAX_CONNECTIONS: Final = 64

# Octets read at a time; the loop has its turn in between.
READ: Final = 4096

# What is asked for (RFC 8555 §9.1, RFC 5280 §4.2.1.13, RFC 8226 §10.1)
CHAINS: Final = "application/pem-certificate-chain"
LISTS: Final = "application/pkix-crl, application/tnauthlist, */*;q=0.5"

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host name and port in, addresses as text out; OSError where there are none."""


class Reason(StrEnum):
    """Why nothing was fetched; stable words, fit for a metric's label."""

    REFUSED_URL = "refused_url"  # outside the URL rule
    REFUSED_ADDRESS = "refused_address"  # the name has an address that must not be connected to
    DNS = "dns"  # no answer, or not in time
    CONNECT = "connect"
    TLS = "tls"  # handshake, or a certificate that is not the host's
    TIMEOUT = "timeout"
    TOO_LARGE = "too_large"
    STATUS = "status"  # neither 200 nor a redirection
    REDIRECT = "redirect"
    PROTOCOL = "protocol"  # what came is no complete HTTP response, or is encoded


class FetchError(Exception):
    """Nothing was fetched. `detail` is ASCII and quotes nothing that the other side sent, save a status code."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one fetch, in seconds and octets; a call waits for it, so it must end before the caller's patience."""

    lookup: float = 1.5
    connect: float = 2.0
    total: float = 3.0
    body: int = 64 * 1024  # ten certificates are 10 to 20 KiB
    head: int = 16 * 1024

    chunks: int = 1024  # each costs h11 some 10 µs: crumbs of one octet would hold up the loop

    @property
    def wire(self) -> int:
        """Octets taken for a body, whatever they are: chunk sizes and extensions count too."""
        return 2 * self.body


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body, the header fields that came with it (see stirshaken.freshness), and the seconds that it took."""

    body: bytes
    headers: Headers
    seconds: float


class SystemResolver:
    """
    The system's resolver, in threads of the loop's executor; a bounded number of look-ups at a time.

    `lookup` blocks until it has the addresses.
    """

    def __init__(self, lookup: Callable[[str, int], list[str]] | None = None) -> None:
        self._lookup = lookup or _lookup
        self._pending: set[asyncio.Future[Any]] = set()

    async def __call__(self, host: str, port: int) -> list[str]:
        """Raise OSError where there is no answer, or too many questions are open."""
        if len(self._pending) >= MAX_LOOKUPS:
            raise OSError("too many look-ups")
        loop = asyncio.get_running_loop()
        lookup = loop.run_in_executor(None, self._lookup, host, port)
        self._pending.add(lookup)
        lookup.add_done_callback(self._pending.discard)
        # Shielded: a thread cannot be cancelled, and counts until it has ended.
        return await asyncio.shield(lookup)


def _lookup(host: str, port: int) -> list[str]:
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in answers))


class Fetcher:
    """
    Fetches certificates over HTTPS, from addresses that have been checked and from nowhere else; revocation lists
    and lists of numbers too, for which `accept` says what is asked for.

    `resolve` and `ssl_context` are the system's where they are None. No proxy (nor a variable that names one), no
    cookie and no redirection has a say (ATIS-1000074 §5.3.1).
    """

    def __init__(
        self,
        *,
        resolve: Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        allowed: Allowed = NOTHING,
        limits: Limits = Limits(),
        accept: str = CHAINS,
    ) -> None:
        self._allowed = allowed
        self._limits = limits
        self._accept = accept
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context or ssl.create_default_context(),
            network_backend=_CheckedBackend(resolve or SystemResolver(), allowed, limits),
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=0,
        )

    async def fetch(self, url: str) -> Fetched:
        """Fetch what is at an x5u, with status 200 and within the limits. Raises FetchError, and nothing else."""
        try:
            target = x5u.parse(url, self._allowed)
        except MalformedError as error:
            raise FetchError(Reason.REFUSED_URL, error.reason) from None
        loop = asyncio.get_running_loop()
        began = loop.time()
        with _told_apart():
            async with asyncio.timeout(self._limits.total):
                body, headers = await self._exchange(target)
        return Fetched(body, headers, loop.time() - began)

    async def aclose(self) -> None:
        """Close what is open."""
        await self._pool.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _exchange(self, target: X5u) -> tuple[bytes, Headers]:
        limits = self._limits
        timeout = {"connect": limits.connect, "read": limits.total, "write": limits.total, "pool": limits.total}
        async with self._pool.stream(
            "GET", _url(target), headers=_request_headers(target, self._accept), extensions={"timeout": timeout}
        ) as response:
            _check_head(response, limits)
            response.extensions["network_stream"].grant(limits.wire)
            return await _body(response, limits), tuple(response.headers)


def _url(target: X5u) -> httpcore.URL:
    """Built from the parts that were checked, so that no second parser reads the text."""
    return httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)


def _request_headers(target: X5u, accept: str) -> list[tuple[str, str]]:
    return [
        ("Host", target.authority),
        ("Accept", accept),
        ("Accept-Encoding", "identity"),
        ("User-Agent", "stirshaken"),
        ("Connection", "close"),  # a kept connection may be half closed, and its failure would be held against the URL
    ]


def _check_head(response: httpcore.Response, limits: Limits) -> None:
    if 300 <= response.status <= 399:
        raise FetchError(Reason.REDIRECT, str(response.status))
    if response.status != 200:
        raise FetchError(Reason.STATUS, str(response.status))
    if sum(len(name) + len(value) for name, value in response.headers) > limits.head:
        raise FetchError(Reason.TOO_LARGE, "header")
    for name, value in response.headers:
        if name.lower() == b"content-encoding" and value.lower() != b"identity":
            raise FetchError(Reason.PROTOCOL, "encoded body")
        if name.lower() == b"content-length" and int(value) > limits.body:  # digits, as h11 has seen to
            raise FetchError(Reason.TOO_LARGE, "body")


async def _body(response: httpcore.Response, limits: Limits) -> bytes:
    body = bytearray()
    chunks = 0
    async for chunk in response.aiter_stream():
        body += chunk
        chunks += 1
        if len(body) > limits.body or chunks > limits.chunks:
            raise FetchError(Reason.TOO_LARGE, "body")
    return bytes(body)


@contextlib.contextmanager
def _told_apart() -> Iterator[None]:
    """Whatever the layers below raise becomes a FetchError."""
    try:
        yield
    except (TimeoutError, httpcore.TimeoutException):
        raise FetchError(Reason.TIMEOUT) from None
    except ssl.SSLError:
        raise FetchError(Reason.TLS) from None
    except (httpcore.NetworkError, OSError):
        raise FetchError(Reason.PROTOCOL, "broken off") from None
    except httpcore.ProtocolError:
        raise FetchError(Reason.PROTOCOL) from None


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a name once, checks every address, and connects to an address that was checked, never to a name."""

    def __init__(self, resolve: Resolver, allowed: Allowed, limits: Limits) -> None:
        self._resolve = resolve
        self._allowed = allowed
        self._limits = limits
        self._tcp = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """See httpcore. Raises FetchError, httpcore.ConnectTimeout."""
        found = await self._addresses(host, port)
        private = self._allowed.private and self._allowed.covers(host, port)
        for address in found:
            reason = addresses.refused(address, private=private)
            if reason is not None:
                raise FetchError(Reason.REFUSED_ADDRESS, reason)
        stream = await self._connect(found[:MAX_ATTEMPTS], port)
        return _CountedStream(stream, self._limits.head + READ)  # the last read may bring some of the body

    async def _addresses(self, host: str, port: int) -> list[str]:
        with contextlib.suppress(ValueError):
            return [str(ip_address(host))]
        try:
            async with asyncio.timeout(self._limits.lookup):
                found = list(await self._resolve(host, port))
        except TimeoutError:
            raise FetchError(Reason.DNS, "no answer in time") from None
        except OSError:
            raise FetchError(Reason.DNS) from None
        if not 0 < len(found) <= MAX_ANSWERS:
            raise FetchError(Reason.DNS, "no usable number of addresses")
        return found

    async def _connect(self, candidates: Sequence[str], port: int) -> httpcore.AsyncNetworkStream:
        """The first of the addresses that takes the connection, each within its share of the time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._limits.connect
        late = False
        for index, address in enumerate(candidates):
            share = (end - loop.time()) / (len(candidates) - index)
            try:
                return await self._tcp.connect_tcp(address, port, timeout=max(share, 0.0))
            except httpcore.ConnectTimeout:
                late = True
            except httpcore.ConnectError:
                continue
        raise FetchError(Reason.TIMEOUT if late else Reason.CONNECT, "connect")


class _CountedStream(httpcore.AsyncNetworkStream):
    """A connection that ends when more has come than was granted: interim responses without end, or chunk sizes."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, left: int) -> None:
        self._stream = stream
        self._left = left

    def grant(self, octets: int) -> None:
        """Let so many more come."""
        self._left += octets

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """See httpcore. Raises FetchError."""
        data = await self._stream.read(min(max_bytes, READ), timeout)
        self._left -= len(data)
        if self._left < 0:
            raise FetchError(Reason.TOO_LARGE, "response")
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """See httpcore."""
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """See httpcore."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        """See httpcore, which hands in the URL's host: the name on the certificate is that, not the address."""
        try:
            secured = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except httpcore.ConnectError as error:
            wrong = isinstance(error.__cause__, ssl.SSLCertVerificationError)
            raise FetchError(Reason.TLS, "certificate" if wrong else "handshake") from None
        except BaseException:
            await self._stream.aclose()  # httpcore closes it on errors, not when the task is cancelled
            raise
        return _CountedStream(secured, self._left)

    def get_extra_info(self, info: str) -> Any:
        """See httpcore."""
        return self._stream.get_extra_info(info)
