"""Where call records and the messages of rejected calls are shipped to, in the configuration file."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from proxy.settings.kinds import Address, Duration, Listed, Section, Text, fault, none_or_between, one_of, whole

#   "nats://" or "tls://", host [":" port]; who we are stands in keys of its own, not in an URL that is shown
_HOST: Final = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
_SERVER: Final = re.compile(rf"(?:nats|tls)://{_HOST}(?::([0-9]{{1,5}}))?")
_STREAM: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_SUBJECT: Final = re.compile(r"[A-Za-z0-9_-]{1,32}(?:\.[A-Za-z0-9_-]{1,32}){0,7}")
_TLS: Final = "tls://"


def _server(value: object) -> str:
    found = _SERVER.fullmatch(value) if isinstance(value, str) else None
    if found is None or not 1 <= int(found[1] or "4222") <= 65535:
        # what stands before an @ may be a password
        raise fault("nats_server", value="…" if "@" in str(value) else value)
    return found[0]


def _stream(value: object) -> str:
    if not isinstance(value, str) or not _STREAM.fullmatch(value):
        raise fault("nats_stream", value=value)
    return value


def _subject(value: object) -> str:
    if not isinstance(value, str) or not _SUBJECT.fullmatch(value):
        raise fault("nats_subject", value=value)
    return value


def _some_servers(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise fault("at_least_one")
    if len({value.startswith(_TLS) for value in values}) > 1:
        raise fault("nats_mixed")
    return values


class NatsTls(Section):
    """TLS to servers whose URLs begin with `tls://`."""

    ca: Text | None = Field(
        default=None, description="PEM file of the CAs of the servers; default: those of the system."
    )
    certificate: Text | None = Field(
        default=None, description="PEM file of the own certificate, where the servers ask for one."
    )
    key: Text | None = Field(default=None, description="PEM file of its private key, without a password.")


class Nats(Section):
    """A stream of NATS JetStream that takes every call record."""

    servers: Annotated[tuple[Annotated[str, BeforeValidator(_server)], ...], Listed, AfterValidator(_some_servers)] = (
        Field(description="`nats://host:4222` or `tls://host:4222`, in the order to try; of one cluster.")
    )
    stream: Annotated[str, BeforeValidator(_stream)] = Field(
        default="TRUNKWARD", description="Name of the stream; made if it is not there."
    )
    subject: Annotated[str, BeforeValidator(_subject)] = Field(
        default="trunkward", description="What every subject begins with: `trunkward.<node>.call.verdict`."
    )
    replicas: Annotated[int, whole(1, 5)] = Field(
        default=1, description="On how many servers of the cluster each record is kept; for a stream that is made."
    )
    keep: Annotated[Duration, none_or_between("1h", "3650d")] = Field(
        default=7 * 86400.0,
        description="How long the stream keeps a record, 1h to 3650d; 0s: for ever. For a stream that is made.",
    )
    max_bytes: Annotated[int | None, whole(1 << 20, 1 << 50)] = Field(
        default=None,
        description="How large the stream may be; when it is full, records wait on the node's disk. For a stream that "
        "is made; default: as large as the server allows.",
    )
    credentials: Text | None = Field(default=None, description="Credentials file (`.creds`) that proves who we are.")
    user: Text | None = Field(default=None, description="User name; needs `password`.")
    password: Text | None = Field(default=None, description="File whose first line is the password of `user`.")
    tls: NatsTls = Field(default=NatsTls(), description="TLS to servers `tls://…`.")

    @property
    def is_tls(self) -> bool:
        """Whether the servers are spoken to over TLS."""
        return self.servers[0].startswith(_TLS)


class Hep(Section):
    """A capture server such as Homer that is shown the SIP messages of calls."""

    address: Address = Field(description="IP address and UDP port of the capture server.")
    id: Annotated[int, whole(0, 4294967295)] = Field(
        default=2001, description="Number that the capture server knows this node by (capture agent id)."
    )
    key: Text | None = Field(
        default=None, description="File whose first line is the key that the capture server asks for."
    )
    calls: Annotated[Literal["rejected", "would-reject", "all"], one_of("rejected", "would-reject", "all")] = Field(
        default="rejected",
        description="Which calls are shown: those that were `rejected`, `would-reject` those too that mode monitor "
        "let pass, or `all`.",
    )


class Shipping(Section):
    """What leaves the node for other systems."""

    nats: Nats | None = Field(default=None, description="Call records into NATS JetStream; default: they are not.")
    hep: Hep | None = Field(default=None, description="SIP messages to a capture server; default: none.")
