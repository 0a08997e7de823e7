"""The configuration file as frozen values; the description of each field is its line in the manual."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from proxy.settings.identity_model import Identity
from proxy.settings.kinds import (
    Address,
    CallMode,
    Country,
    Destination,
    Duration,
    Listed,
    Name,
    Percent,
    PolicyAction,
    Section,
    ShortNumber,
    SipUri,
    Text,
    TlsName,
    between,
    fault,
    hide_password,
    none_or_between,
    one_of,
    parse_sip_uri,
    transport_of,
    word_or_whole,
)
from proxy.settings.kinds import whole as _whole
from proxy.settings.shipping_model import Shipping

OFF = "off"
# file:path and sqlite:path, relative or absolute, and with an empty host (file:///path); a database on a server.
# file://host/… is elsewhere. No driver is named in an URL: which one is used is the program's affair.
_DIRECTORY_URL = re.compile(r"(?:file|sqlite):(?:///|(?!//)).+|postgresql://[^/?#\s]*/[^/?#\s]+(?:\?[^#\s]*)?")


def _directory_url(value: object) -> str:
    if not isinstance(value, str) or not _DIRECTORY_URL.fullmatch(value):
        raise fault("url", value=hide_password(str(value)))
    return value


def _index_url(value: object) -> str:
    if value == OFF or (isinstance(value, str) and not value.startswith("file:") and _DIRECTORY_URL.fullmatch(value)):
        return str(value)
    raise fault("index_url", value=hide_password(str(value)))


def _some(values: tuple[object, ...]) -> tuple[object, ...]:
    if not values:
        raise fault("at_least_one")
    return values


class Node(Section):
    """This node."""

    name: Name = Field(description="Name of this node; stands in every record.")
    mode: CallMode = Field(
        default="monitor",
        description="`monitor` passes every call of a known trunk and records what would be rejected; "
        "`block` rejects. A trunk may say otherwise.",
    )
    workers: Annotated[Literal["auto"] | int, word_or_whole("auto", 1, 64)] = Field(
        default="auto",
        description="Worker processes that carry the calls: 1 to 64, or `auto` for as many as the processor has cores.",
    )
    answer_strangers: bool = Field(
        default=False,
        description="Whether a source that is no trunk gets 403, at most 50 a second, as helps while trunks are set up;"
        " `false`: no answer at all.",
    )
    state: Text = Field(
        default="var/state",
        description="Directory for what survives a restart: the node's key, its process id, the last "
        "reload's result. A relative path starts at the working directory.",
    )


class Listen(Section):
    """One address that SIP is heard on."""

    name: Name = Field(description="Name of the listener; stands in every record. No two alike.")
    transport: Annotated[Literal["udp", "tcp", "tls"], one_of("udp", "tcp", "tls", later=("ws", "wss", "sctp"))] = (
        Field(default="udp", description="Transport: `udp`, `tcp` or `tls`.")
    )
    address: Address = Field(description="IP address and port to listen on; IPv6 in brackets.")
    advertise: Address | None = Field(
        default=None,
        description="IP address and port that peers are told in Via and Record-Route; must be given when "
        "`address` is 0.0.0.0 or [::].",
    )
    certificate: Text | None = Field(
        default=None,
        description="With `tls`: PEM file of the certificate chain that clients are shown, and servers that ask. Paths "
        "start at this file, else at the working directory; all files are read again at each reload.",
    )
    key: Text | None = Field(default=None, description="With `tls`: PEM file of the certificate's private key.")
    client_ca: Text | None = Field(
        default=None,
        description="With `tls`: PEM file of the CAs whose clients are let in; then every client must show a "
        "certificate, and its names tell trunks (`tls_names`).",
    )
    server_ca: Text | None = Field(
        default=None,
        description="With `tls`: PEM file of the CAs that must have signed the certificates of next hops and gateways; "
        "without it `client_ca`.",
    )


class NextHop(Section):
    """One softswitch or proxy on the core side."""

    uri: SipUri = Field(
        description="SIP URI with an IP address or a DNS name, and perhaps a port and `;transport=`; a name without "
        "a port is looked up with NAPTR and SRV (RFC 3263)."
    )
    priority: Annotated[int, _whole(0, 65535)] = Field(
        default=1, description="The lowest priority is tried first, the others when it fails."
    )
    weight: Annotated[int, _whole(0, 65535)] = Field(
        default=1, description="Share of the calls among next hops of one priority; 0 is tried after the others."
    )

    tls_name: TlsName | None = Field(
        default=None,
        description="Name that its certificate must have, over TLS; without it the name in `uri`, or the IP address.",
    )

    @property
    def destination(self) -> Destination:
        """IP address or name, and port, of the URI."""
        return parse_sip_uri(self.uri)

    @property
    def transport(self) -> str:
        """How it is reached."""
        return transport_of(self.uri)


class ProbeTerms(Section):
    """How the next hops of the core side are asked whether they are there."""

    interval: Annotated[Duration, none_or_between("1s", "1h")] = Field(
        default=5.0,
        description="How often each next hop is sent OPTIONS, 1s to 1h; 0s: never, then only calls tell.",
    )
    down_after: Annotated[int, _whole(1, 100)] = Field(
        default=3, description="Failures in a row, of probes or of calls, after which a next hop counts as down."
    )


class Core(Section):
    """The core side: where calls from trunks go, and where calls to trunks come from."""

    next_hops: Annotated[tuple[NextHop, ...], Listed, AfterValidator(_some)] = Field(
        description="Where calls from trunks go; what comes from these addresses is a call to a trunk."
    )
    probe: ProbeTerms | None = Field(
        default=None,
        description="How next hops are watched; without it they are probed every 5s where there are several.",
    )
    failover_after: Annotated[Duration, between("500ms", "30s")] = Field(
        default=2.0,
        description="How long a next hop may be silent until a call goes to the next one, where there is one.",
    )
    ring_timeout: Annotated[Duration, between("1s", "1h")] = Field(
        default=180.0,
        description="How long a call may ring before it is given up (timer C, RFC 3261 §16.6), 1s to 1h.",
    )


class Dns(Section):
    """How the names of next hops and gateways are looked up."""

    servers: Annotated[tuple[Address, ...], Listed] = Field(
        default=(), description="IP addresses and ports of name servers; default: those of the system."
    )
    keep: Annotated[Duration, none_or_between("1s", "365d")] = Field(
        default=86400.0,
        description="How long the last good answer is used beyond its time while no name server gives another.",
    )


class DirectorySource(Section):
    """Where trunks and numbers come from."""

    url: Annotated[Text, BeforeValidator(_directory_url)] = Field(
        description="`file:` and a path to the directory file, `sqlite:` and a path to a database, or "
        "`postgresql://user@host/database`; a relative path starts at this file."
    )
    max_shrink: Percent = Field(
        default=0.2,
        description="A reload that would drop more than this share of all numbers is refused, unless forced.",
    )


class Numbering(Section):
    """How numbers are read where a trunk's dial plan says nothing else."""

    country: Country = Field(default="86", description="Country code, digits without +.")
    emergency: Annotated[tuple[ShortNumber, ...], Listed] = Field(
        default=("110", "119", "120", "122"),
        description="Emergency numbers: calls to them are never rejected.",
    )


class ReplacementTerms(Section):
    """What a call shows whose caller is replaced."""

    shows: bool = Field(
        default=False,
        alias="from",
        description="Whether From shows the pilot number as well; P-Asserted-Identity always does.",
    )


class RecordsIndex(Section):
    """Where call records are found quickly: made from their files by the control process, and no evidence."""

    url: Annotated[Text, BeforeValidator(_index_url)] | None = Field(
        default=None,
        description="`sqlite:` and a path, which starts at this file, or `postgresql://user@host/database`; `off`: no "
        "index. Without it `index.db` in the directory of the records.",
    )


class Records(Section):
    """The call records."""

    directory: Text = Field(
        default="var/log",
        description="Directory of the record files, one a day (UTC). A relative path starts at the working directory.",
    )
    index: RecordsIndex = Field(default=RecordsIndex(), description="Where they are found quickly.")
    mask_numbers: bool = Field(default=False, description="Whether records hide the middle digits of numbers.")
    mask_views: bool = Field(
        default=False,
        description="Whether commands hide them, not the records; `--unmask` shows them, and is noted.",
    )
    retention: Annotated[Duration, between("1d", "36500d")] = Field(
        default=180 * 86400.0,
        description="How long record files are kept; older ones are deleted.",
    )
    queue: Annotated[int, _whole(1000, 10_000_000)] = Field(
        default=100_000,
        description="Records that may wait to be written; beyond that they are counted as lost.",
    )
    fsync: Annotated[Literal["off", "interval", "every"], one_of("off", "interval", "every")] = Field(
        default="interval",
        description="What a power cut may take: `every` write is on disk before the next, `interval` has them there "
        "each second, `off` leaves it to the kernel. A checkpoint has everything on disk that it closes.",
    )
    durable: bool = Field(
        default=False,
        description="Whether a verdict acts only once its record is on disk; emergency calls never wait.",
    )
    durable_wait: Annotated[Duration, between("10ms", "10s")] = Field(
        default=1.0,
        description="How long a verdict waits for its record at most, 10ms to 10s; then the call goes on, and the "
        "records say so.",
    )
    checkpoint: Annotated[Duration, between("1m", "1d")] = Field(
        default=3600.0,
        description="How often a checkpoint at least signs where the chain of records stands, 1m to 1d.",
    )

    @property
    def index_url(self) -> str:
        """Where the index is; "" for none."""
        url = self.index.url or f"sqlite:{Path(self.directory).absolute() / 'index.db'}"
        return "" if url == OFF else url


class Metrics(Section):
    """The Prometheus endpoint."""

    address: Address = Field(default=("127.0.0.1", 9464), description="IP address and port of `/metrics`.")


class Admin(Section):
    """The control endpoint."""

    address: Address = Field(
        default=("127.0.0.1", 8080),
        description="IP address and port of the health checks and of signing and verification over HTTP.",
    )
    certificate: Text | None = Field(
        default=None,
        description="PEM file of the server's certificate chain: the address speaks HTTPS then. Paths start at this "
        "file, else at the working directory; all files are read again at each reload.",
    )
    key: Text | None = Field(default=None, description="PEM file of the certificate's private key.")
    client_ca: Text | None = Field(
        default=None,
        description="PEM file of the CAs whose clients may use `/stir`, by their certificates.",
    )
    tokens: Text | None = Field(
        default=None,
        description="File of bearer tokens, one a line, whose bearers may use `/stir`. Lines that begin with # say "
        "nothing.",
    )

    @property
    def guarded(self) -> bool:
        """Whether callers of `/stir` have to prove who they are."""
        return self.client_ca is not None or self.tokens is not None

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the address."""
        return ip_address(self.address[0]).is_loopback


class Settings(Section):
    """A whole configuration file."""

    node: Node = Field(description="This node.")
    listen: Annotated[tuple[Listen, ...], Listed, AfterValidator(_some)] = Field(
        description="Addresses that SIP is heard on, at least one."
    )
    core: Core = Field(description="The core side.")
    dns: Dns = Field(default=Dns(), description="How names of next hops and gateways are looked up.")
    directory: DirectorySource = Field(description="Where trunks and numbers come from.")
    numbering: Numbering = Field(default=Numbering(), description="How numbers are read.")
    identity: Identity | None = Field(
        default=None, description="Signed identity (STIR/SHAKEN); without it nothing is verified or signed."
    )
    policy: Mapping[str, PolicyAction] = Field(
        default={}, description="Rule or rule family → what follows. A trunk may say otherwise."
    )
    replacement: ReplacementTerms = Field(
        default=ReplacementTerms(), description="What a call shows whose caller is replaced (action `replace`)."
    )
    records: Records = Field(default=Records(), description="The call records.")
    shipping: Shipping = Field(default=Shipping(), description="What leaves the node for other systems.")
    metrics: Metrics = Field(default=Metrics(), description="The Prometheus endpoint.")
    admin: Admin = Field(default=Admin(), description="The control endpoint.")
