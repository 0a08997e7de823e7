"""A stream of NATS JetStream that takes records, each with a number that it is known by when it comes twice."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

CONNECT_SECONDS: Final = 5
CLOSE_SECONDS: Final = 1.0
ACK_SECONDS: Final = 10.0  # for all records under way at once
ANSWER_SECONDS: Final = 5.0  # to a question about the stream
PING_SECONDS: Final = 10  # how often a server that says nothing is asked whether it is there
# How long the server remembers the numbers of records. What comes later than that comes twice, and is told apart by
# whoever reads the stream.
DUPLICATE_SECONDS: Final = 600.0
HEADERS: Final = 1024  # octets of a message that are ours besides the record, at most
MAX_REASON: Final = 200


@dataclass(frozen=True, slots=True)
class Terms:
    """Where the stream is, who we are, and what the stream shall be if it is not there; `max_bytes` -1: any size."""

    servers: tuple[str, ...]
    stream: str
    subject: str
    replicas: int = 1
    keep: float = 0.0
    max_bytes: int = -1
    tls: ssl.SSLContext | None = None
    credentials: str | None = None
    user: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One record on its way: its subject, its number, its octets, and the chain that it belongs to."""

    subject: str
    number: str
    data: bytes
    chain: str = ""

    def headers(self, stream: str) -> dict[str, str]:
        """What stands before the record; no other stream shall have it."""
        known = {"Nats-Msg-Id": self.number, "Nats-Expected-Stream": stream}
        return known | {"Trunkward-Chain": self.chain} if self.chain else known


class StreamError(Exception):
    """The stream cannot be had, or does not take a record; the text says why, and holds no secret."""


class _Fault(msgspec.Struct, frozen=True):
    """What a server has against a message."""

    description: str = ""


class _Answer(msgspec.Struct, frozen=True):
    """What a server says when it has a message, or will not have it."""

    error: _Fault | None = None


_answer: Final = msgspec.json.Decoder(_Answer).decode


class Acks:
    """
    The answers that are waited for. The client's own (publish_async, nats-py 2.16) drops those that say no, and would
    wait for them in vain.
    """

    def __init__(self, inbox: str) -> None:
        """`inbox` is what the subjects begin with that answers come to."""
        self.inbox = inbox
        self._waiting: dict[str, asyncio.Future[str]] = {}
        self._count = 0

    def expect(self) -> tuple[str, asyncio.Future[str]]:
        """The subject that an answer is to come to; what will be done with "", or with why the message is refused."""
        self._count += 1
        subject = f"{self.inbox}.{self._count}"
        future = self._waiting[subject] = asyncio.get_running_loop().create_future()
        return subject, future

    async def take(self, message: Msg) -> None:
        """An answer."""
        future = self._waiting.pop(message.subject, None)
        if future is not None and not future.done():
            future.set_result(_said(message))

    async def forget(self) -> None:
        """No answer will come any more."""
        for future in self._waiting.values():
            future.cancel()
        self._waiting.clear()


def _said(message: Msg) -> str:
    if message.headers and message.headers.get("Status") == "503":
        return "no stream takes these subjects"
    try:
        error = _answer(message.data).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "the server's answer cannot be read"
    return "" if error is None else error.description[:MAX_REASON] or "the server refuses it"


class Stream:
    """An open stream."""

    def __init__(self, client: Client, acks: Acks, name: str) -> None:
        self._client = client
        self._acks = acks
        self._name = name

    @property
    def is_open(self) -> bool:
        """Whether the connection stands."""
        return self._client.is_connected

    def fits(self, event: Event) -> bool:
        """Whether the server takes messages of this length."""
        return len(event.data) + HEADERS <= self._client.max_payload

    async def publish(self, events: Sequence[Event]) -> tuple[int, str]:
        """
        Send events, and wait until the stream has each of them on disk. Gives how many of the first ones it has, and
        why not all.
        """
        from nats.errors import Error  # noqa: PLC0415  # an extra

        answers: list[asyncio.Future[str]] = []
        why = ""
        try:
            async with asyncio.timeout(ACK_SECONDS):
                for event in events:
                    reply, answer = self._acks.expect()
                    answers.append(answer)
                    await self._client.publish(event.subject, event.data, reply, event.headers(self._name))
                if answers:
                    await asyncio.wait(answers)
        except (Error, OSError) as error:
            why = reason_of(error)
        results = [_result(answer) for answer in answers]
        await self._acks.forget()
        had = next((number for number, result in enumerate(results) if result), len(results))
        return had, why or next(filter(None, results[had:]), "")


def _result(answer: asyncio.Future[str]) -> str:
    """Why an event is not known to be in the stream, "" where it is."""
    if not answer.done():
        return "the server does not acknowledge"
    return "the connection was closed" if answer.cancelled() else answer.result()


@asynccontextmanager
async def open_stream(terms: Terms, turn: int) -> AsyncIterator[Stream]:
    """Connect to one of the servers, another at each `turn`; make the stream if it is not there. Raises StreamError."""
    from nats.aio.client import Client  # noqa: PLC0415  # an extra

    client, asides = Client(), list[str]()
    acks = Acks(client.new_inbox())

    async def aside(error: Exception) -> None:
        asides[:] = [reason_of(error)]

    try:
        try:
            await _connect(client, terms, terms.servers[turn % len(terms.servers)], aside, acks.forget)
            context = client.jetstream(timeout=ANSWER_SECONDS)
            await _prepare(context, terms)
            await client.subscribe(f"{acks.inbox}.*", cb=acks.take)
        except Exception as error:  # noqa: BLE001  # whatever a credentials file makes the client throw: tried again
            raise StreamError(", ".join(dict.fromkeys([*asides, reason_of(error)]))) from None
        yield Stream(client, acks, terms.stream)
    finally:
        with suppress(Exception):
            await asyncio.wait_for(client.close(), CLOSE_SECONDS)


async def _connect(
    client: Client,
    terms: Terms,
    server: str,
    aside: Callable[[Exception], Awaitable[None]],
    closed: Callable[[], Awaitable[None]],
) -> None:
    async with asyncio.timeout(CONNECT_SECONDS * 2):
        await client.connect(
            server,
            name="trunkward",
            error_cb=aside,
            closed_cb=closed,
            allow_reconnect=False,  # ours to do: what is under way then is sent again
            connect_timeout=CONNECT_SECONDS,
            max_reconnect_attempts=1,  # to a server that refuses the connection
            reconnect_time_wait=1,
            ping_interval=PING_SECONDS,
            tls=terms.tls,
            user_credentials=terms.credentials,
            user=terms.user,
            password=terms.password,
        )


async def _prepare(context: JetStreamContext, terms: Terms) -> None:
    """Make the stream if it is not there; one that is stays as somebody has made it."""
    from nats.js.api import DiscardPolicy, StorageType, StreamConfig  # noqa: PLC0415
    from nats.js.errors import NotFoundError  # noqa: PLC0415

    try:
        await context.stream_info(terms.stream)
    except NotFoundError:
        wanted = StreamConfig(
            name=terms.stream,
            description="Call records of Trunkward",
            subjects=[f"{terms.subject}.>"],
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,  # a full stream makes the records wait, and loses none
            max_age=terms.keep,
            max_bytes=terms.max_bytes,
            num_replicas=terms.replicas,
            duplicate_window=min(DUPLICATE_SECONDS, terms.keep or DUPLICATE_SECONDS),
        )
        await context.add_stream(wanted)


def reason_of(error: BaseException) -> str:
    """What went wrong, in a few words: what the server says, else the kind of error, whose text may hold anything."""
    from nats.errors import Error  # noqa: PLC0415  # an extra
    from nats.js.errors import APIError, ServiceUnavailableError  # noqa: PLC0415

    if isinstance(error, ServiceUnavailableError) and not error.description:
        return "the server has no JetStream"
    if isinstance(error, APIError):
        return (error.description or type(error).__name__)[:MAX_REASON]
    if isinstance(error, TimeoutError):  # an OSError too
        return "the server does not answer"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error)[:MAX_REASON] if isinstance(error, Error) else type(error).__name__
