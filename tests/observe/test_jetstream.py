"""A stream on a real server: what it takes, what it refuses, and what is said of it."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nkeys
import pytest
import trustme
from nats.js import JetStreamContext
from nats.js.api import StreamConfig, StreamInfo

from proxy.observe.jetstream import Event, StreamError, Terms, open_stream, reason_of
from tests.wire.nats_server import NatsServer
from tests.wire.peers import free_port


@contextmanager
def running(directory: Path, config: str = "", *, jetstream: bool = True) -> Iterator[NatsServer]:
    server = NatsServer(directory, config, jetstream=jetstream)
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    with running(tmp_path) as made:
        yield made


NKEY = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"  # of the server's manual


def event(number: int, size: int = 10) -> Event:
    return Event("trunkward.gw1.call.verdict", f"gw1//{number}/x", b"x" * size)


def published(terms: Terms, *batches: list[Event], turn: int = 0) -> list[tuple[int, str]]:
    async def main() -> list[tuple[int, str]]:
        async with open_stream(terms, turn) as stream:
            assert stream.is_open
            return [await stream.publish(batch) for batch in batches]

    return asyncio.run(main())


def info(server: NatsServer) -> StreamInfo:
    async def ask(context: JetStreamContext) -> StreamInfo:
        return await context.stream_info("TRUNKWARD")

    return server.ask(ask)


def test_the_stream_is_made_and_takes_each_event_once(server: NatsServer) -> None:
    terms = Terms((server.url,), "TRUNKWARD", "trunkward", keep=7 * 86400.0)
    every = [event(number) for number in range(700)]
    assert published(terms, every, [Event("trunkward.gw1.gap", "gw1/w1/1/y", b"{}", "w1")]) == [(700, ""), (1, "")]
    assert published(terms, every[500:]) == [(200, "")], "acknowledged, though the stream has them"

    kept = server.kept()
    assert [each.data for each in kept] == [b"x" * 10] * 700 + [b"{}"]
    assert [each.headers["Nats-Msg-Id"] for each in kept[:2]] == ["gw1//0/x", "gw1//1/x"]
    assert (kept[-1].subject, kept[-1].headers["Trunkward-Chain"]) == ("trunkward.gw1.gap", "w1")
    made = info(server).config
    assert (made.subjects, made.storage, made.discard, made.max_age, made.num_replicas, made.max_bytes) == (
        ["trunkward.>"], "file", "new", 7 * 86400, 1, -1,
    )  # fmt: skip


def test_a_stream_that_is_there_stays_as_it_is(server: NatsServer) -> None:
    async def make(context: JetStreamContext) -> None:
        await context.add_stream(StreamConfig(name="TRUNKWARD", subjects=["trunkward.*.call.>"], max_msgs=5))

    server.ask(make)
    terms = Terms((server.url,), "TRUNKWARD", "trunkward")
    gap = Event("trunkward.gw1.gap", "gw1//9/x", b"{}")
    assert published(terms, [event(1), event(2), gap, event(3)]) == [(2, "no stream takes these subjects")]
    assert info(server).config.max_msgs == 5


def test_a_full_stream_takes_the_first_ones_and_says_so(server: NatsServer) -> None:
    terms = Terms((server.url,), "TRUNKWARD", "trunkward", max_bytes=20_000)
    ((had, why),) = published(terms, [event(number, 1000) for number in range(40)])
    assert 10 < had < 20
    assert why == "maximum bytes exceeded"
    assert server.count() == had


def test_events_that_are_too_long_are_known_before_they_are_sent(server: NatsServer) -> None:
    async def main() -> tuple[bool, bool]:
        async with open_stream(Terms((server.url,), "TRUNKWARD", "trunkward"), 0) as stream:
            return stream.fits(event(1, 1_000_000)), stream.fits(event(1, 1_048_576))

    assert asyncio.run(main()) == (True, False)


@pytest.mark.parametrize("end", ["killed", "frozen"])
def test_what_was_not_acknowledged_is_not_counted(
    end: str, server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.observe.jetstream.ACK_SECONDS", 1.0)

    async def main() -> tuple[tuple[int, str], tuple[int, str]]:
        async with open_stream(Terms((server.url,), "TRUNKWARD", "trunkward"), 0) as stream:
            first = await stream.publish([event(1)])
            server.kill() if end == "killed" else server.freeze()
            return first, await stream.publish([event(2), event(3)])

    first, (had, why) = asyncio.run(main())
    assert (first, had) == ((1, ""), 0)
    assert why != ""
    server.thaw()


@pytest.mark.parametrize(
    ("config", "terms", "said"),
    [
        ("", {"servers": ("nats://127.0.0.1:{free}",)}, "Connect call failed"),
        ("authorization: {user: gw1, password: right}", {"user": "gw1", "password": "wrong-secret"}, "nats: 'Authorization Violation'"),
        ("authorization: {user: gw1, password: right}", {}, "nats: 'Authorization Violation'"),
        (f"authorization: {{users: [{{nkey: {NKEY}}}]}}", {"credentials": "none.creds"}, "No such file or directory"),
        (f"authorization: {{users: [{{nkey: {NKEY}}}]}}", {"credentials": "secret.creds"}, "TypeError"),
        ("", {"stream": "TOO.MANY.WORDS"}, "ValueError"),
    ],
    ids=["nobody", "wrong-password", "no-password", "no-file", "no-credentials", "no-name"],
)  # fmt: skip
def test_why_there_is_no_stream(config: str, terms: dict[str, object], said: str, tmp_path: Path) -> None:
    (tmp_path / "secret.creds").write_text("SUAsecret")
    if "credentials" in terms:
        terms = {**terms, "credentials": str(tmp_path / str(terms["credentials"]))}
    with running(tmp_path, config) as server:
        servers = tuple(str(each).format(free=free_port()) for each in terms.get("servers", (server.url,)))  # type: ignore[attr-defined]
        wanted = Terms(**{"stream": "TRUNKWARD", "subject": "trunkward", **terms, "servers": servers})  # type: ignore[arg-type]
        with pytest.raises(StreamError) as caught:
            published(wanted)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value).replace("secret.creds", "")


def test_a_server_without_jetstream(tmp_path: Path) -> None:
    with (
        running(tmp_path, jetstream=False) as server,
        pytest.raises(StreamError, match="the server has no JetStream"),
    ):
        published(Terms((server.url,), "TRUNKWARD", "trunkward"))


def test_each_turn_tries_another_server(server: NatsServer) -> None:
    terms = Terms((f"nats://127.0.0.1:{free_port()}", server.url), "TRUNKWARD", "trunkward")
    with pytest.raises(StreamError):
        published(terms, [event(1)], turn=2)
    assert published(terms, [event(1)], turn=3) == [(1, "")]


def test_tls_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ca, other = trustme.CA(), trustme.CA()
    own, ours = ca.issue_cert("127.0.0.1"), ca.issue_cert("gw1.example")
    (tmp_path / "server.pem").write_bytes(b"".join(pem.bytes() for pem in own.cert_chain_pems))
    (tmp_path / "server.key").write_bytes(own.private_key_pem.bytes())
    (tmp_path / "ca.pem").write_bytes(ca.cert_pem.bytes())

    def context(trusted: trustme.CA, *, known: bool) -> ssl.SSLContext:
        made = ssl.create_default_context(cadata=trusted.cert_pem.bytes().decode())
        if known:
            ours.configure_cert(made)
        return made

    config = "tls: {cert_file: server.pem, key_file: server.key, ca_file: ca.pem, verify: true}"
    with running(tmp_path, config) as server:
        servers = (server.url.replace("nats:", "tls:"),)

        def ship(tls: ssl.SSLContext) -> list[tuple[int, str]]:
            return published(Terms(servers, "TRUNKWARD", "trunkward", tls=tls), [event(1)])

        assert ship(context(ca, known=True)) == [(1, "")]
        with pytest.raises(StreamError, match="certificate verify failed"):
            ship(context(other, known=True))
        monkeypatch.setattr("proxy.observe.jetstream.ANSWER_SECONDS", 0.5)
        with pytest.raises(StreamError):
            ship(context(ca, known=False))


def test_reasons_hold_nothing_of_an_unknown_error() -> None:
    assert reason_of(ValueError("SUAsecret")) == "ValueError"
    assert reason_of(TimeoutError()) == "the server does not answer"


def claims_of(signer: nkeys.KeyPair, subject: nkeys.KeyPair, **nats: object) -> str:
    """A JWT of NATS: what `signer` says of `subject`."""

    def part(value: object) -> str:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    said = {"jti": "x", "iat": 1, "iss": signer.public_key.decode(), "sub": subject.public_key.decode(), "name": "x"}
    signed = f"{part({'typ': 'JWT', 'alg': 'ed25519-nkey'})}.{part({**said, 'nats': {'version': 2, **nats}})}"
    return f"{signed}.{part(signer.sign(signed.encode()))}"


def test_credentials(tmp_path: Path) -> None:
    """An operator, its account that may have streams, a user of that; the credentials file proves the user."""
    prefixes = (nkeys.PREFIX_BYTE_OPERATOR, nkeys.PREFIX_BYTE_ACCOUNT, nkeys.PREFIX_BYTE_USER)
    operator, account, user, system = (
        nkeys.from_seed(nkeys.encode_seed(bytes([number]) * 32, prefix))
        for number, prefix in enumerate((*prefixes, prefixes[1]))
    )
    names = (
        "subs",
        "data",
        "payload",
        "imports",
        "exports",
        "conn",
        "leaf",
        "mem_storage",
        "disk_storage",
        "streams",
        "consumer",
    )
    limits = {**dict.fromkeys(names, -1), "wildcards": True}
    allowed = claims_of(operator, account, type="account", limits=limits)
    token = claims_of(account, user, type="user", pub={}, sub={}, subs=-1, data=-1, payload=-1)
    text = (
        f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed.decode()}\n------END USER NKEY SEED------\n"
    )
    (tmp_path / "gw1.creds").write_text(text)
    core = claims_of(operator, system, type="account", limits=dict.fromkeys(names[:7], -1))
    accounts = ((account, allowed), (system, core))
    preloaded = ", ".join(f'{key.public_key.decode()}: "{said}"' for key, said in accounts)
    config = (
        f'operator: "{claims_of(operator, operator, type="operator")}"\nresolver: MEMORY\n'
        f"system_account: {system.public_key.decode()}\nresolver_preload: {{{preloaded}}}"
    )
    with running(tmp_path, config) as server:
        terms = Terms((server.url,), "TRUNKWARD", "trunkward", credentials=str(tmp_path / "gw1.creds"))
        assert published(terms, [event(1)]) == [(1, "")]
        with pytest.raises(StreamError, match="Authorization Violation"):
            published(Terms((server.url,), "TRUNKWARD", "trunkward"))
