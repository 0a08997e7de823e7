"""Kinds of values that configurations hold, each checked and turned into what the program uses."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from proxy.settings.problems import nearest

Endpoint: TypeAlias = tuple[str, int]

SIP_PORT: Final = 5060
SIPS_PORT: Final = 5061
# Rules whose calls may leave with the trunk's pilot number instead (checks.policy.REPLACEABLE), and their family
REPLACEABLE: Final = frozenset(
    f"caller.{name}" for name in ("missing", "malformed", "not_allocated", "conflict", "anonymous", "dno", "redirected")
) | {"caller"}
STATUSES: Final = (403, 404, 428, 433, 436, 437, 438, 480, 503, 603, 607, 608)
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)")
_PERCENT: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%")
_ENDPOINT: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:]*)):([0-9]{1,5})")
_SIP: Final = re.compile(
    r"(sips?):(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:;?@<>]*))(?::([0-9]{1,5}))?(?:;transport=(udp|tcp|tls))?"
)
# labels of letters, digits and hyphens (RFC 1123 §2.1), underscores as they occur; the last one is no number
_HOST: Final = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*(?![0-9]+\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
_DAY: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NAME: Final = re.compile("[A-Za-z0-9._-]{1,64}")
NUMBER: Final = re.compile(r"\+[1-9][0-9]{2,17}")
_PREFIX: Final = re.compile(r"\+[1-9][0-9]{1,14}")
# A DNS name without a wildcard (RFC 5922 §7.2).
_TLS_NAME: Final = re.compile(r"(?!.*\.\.)[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
_COUNTRY: Final = re.compile("[1-9][0-9]{0,2}")
_AREA: Final = re.compile("(?:[1-9][0-9]{0,5})?")
_SHORT: Final = re.compile("[0-9]{2,6}")
_DIALLED: Final = re.compile(r"\+?[0-9*#]{1,15}")
_PASSWORD: Final = re.compile(r"(?<=://)([^:/@]*):[^@]*@")
_REPLACED: Final = re.compile(r"\+?[0-9]{0,15}")


class Section(BaseModel):
    """One mapping of a configuration: frozen, no unknown keys, no value taken for another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=False)


def fault(key: str, **values: object) -> PydanticCustomError:
    """Make the error whose text is `config.<key>` in the catalogue."""
    return PydanticCustomError(f"config.{key}", key, values)


def hide_password(url: str) -> str:
    """A URL as people may see it: without the password."""
    return _PASSWORD.sub(r"\1@", url)


def parse_day(value: str) -> date | None:
    """Read a day as YYYY-MM-DD (RFC 3339 full-date); None when it is none."""
    if not _DAY.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


class Destination(NamedTuple):
    """
    Where a SIP URI leads: an IP address, or a DNS name in lower case; the port, 0 where a name has none, which is
    then looked up with NAPTR and SRV (RFC 3263 §4); the transport that it says, "" for none.
    """

    host: str
    port: int
    transport: str = ""

    @property
    def is_name(self) -> bool:
        """Whether the host is a DNS name."""
        return _ip(self.host) is None

    def __str__(self) -> str:
        port = f":{self.port}" if self.port else ""
        return self.host + port + (f";transport={self.transport}" if self.transport else "")


def parse_sip_uri(uri: str) -> Destination:
    """Say where a SIP URI leads (RFC 3261 §19.1). Raises `fault`."""
    match = _SIP.fullmatch(uri)
    if match is None or (match[1] == "sips" and match[5] not in (None, "tls")):
        raise fault("sip_uri", value=uri)
    host, said = _ip(match[2] or match[3]), "tls" if match[1] == "sips" else match[5] or ""
    if host is None:
        name = (match[2] or match[3]).lower().rstrip(".")
        if match[2] is not None or len(name) > 253 or not _HOST.fullmatch(name):
            raise fault("host_name", value=match[2] or match[3])
        return Destination(name, _port(match[4], uri) if match[4] else 0, said)
    if (host.version == 6) != (match[2] is not None):
        raise fault("sip_uri", value=uri)
    return Destination(str(host), _port(match[4] or str(SIPS_PORT if said == "tls" else SIP_PORT), uri), said)


def transport_of(uri: str) -> str:
    """The transport that such a URI is reached by."""
    named = uri.rpartition(";transport=")[2] if ";transport=" in uri else "udp"
    return "tls" if uri.startswith("sips:") else named


def _ip(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _port(text: str, value: str) -> int:
    port = int(text)
    if not 1 <= port <= 65535:
        raise fault("port", value=value)
    return port


def _endpoint(value: object) -> Endpoint:
    """Read "host:port", the host an IP address, IPv6 in brackets."""
    match = _ENDPOINT.fullmatch(_text(value))
    host = _ip(match[1] or match[2]) if match else None
    if match is None or host is None or (host.version == 6) != (match[1] is not None):
        raise fault("address", value=value)
    return str(host), _port(match[3], str(value))


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise fault("text" if value is not None else "empty")
    if not isinstance(value, str):
        raise fault("quote", value=value)
    return value


def seconds_of(value: object) -> float:
    """Read a duration. Raises `fault`."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise fault("duration", value=value)
    return float(match[1]) * _UNITS[match[2]]


def whole(low: int, high: int) -> BeforeValidator:
    """Bound a whole number, ends included."""

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise fault("whole", value=value, low=low, high=high)
        return value

    return BeforeValidator(check)


def word_or_whole(word: str, low: int, high: int) -> BeforeValidator:
    """Take a word, or bound a whole number, ends included."""

    def check(value: object) -> object:
        if value == word or (isinstance(value, int) and not isinstance(value, bool) and low <= value <= high):
            return value
        raise fault("choice", value="" if value is None else value, expected=f"{word}, {low} … {high}", near="")

    return BeforeValidator(check)


def between(low: str, high: str) -> AfterValidator:
    """Bound a duration, ends included."""
    least, most = seconds_of(low), seconds_of(high)

    def check(seconds: float) -> float:
        if not least <= seconds <= most:
            raise fault("between", low=low, high=high)
        return seconds

    return AfterValidator(check)


def none_or_between(low: str, high: str) -> AfterValidator:
    """Bound a duration, ends included; zero turns off what it is the length of."""
    least, most = seconds_of(low), seconds_of(high)

    def check(seconds: float) -> float:
        if seconds and not least <= seconds <= most:
            raise fault("none_or_between", low=low, high=high)
        return seconds

    return AfterValidator(check)


def _percent(value: object) -> float:
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if match is None or float(match[1]) > 100:
        raise fault("percent", value=value)
    return float(match[1]) / 100


def _day(value: object) -> date:
    day = parse_day(_text(value))
    if day is None:
        raise fault("day", value=value)
    return day


def _cidr(value: object) -> str:
    text = _text(value)
    try:
        return str(ip_network(text))
    except ValueError:
        pass
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise fault("cidr", value=text) from None
    host = text.partition("/")[0]
    single = f"{host}/{128 if isinstance(network, IPv6Network) else 32}"
    raise fault("cidr_bits", value=text, network=str(network), single=single)


def _gateway(value: object) -> str:
    text = _text(value)
    parse_sip_uri(text)
    return text


def _as_tuple(value: object) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise fault("list")
    return tuple(value)


def _matching(pattern: re.Pattern[str], key: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        text = _text(value)
        if not pattern.fullmatch(text):
            raise fault(key, value=text)
        return text

    return check


def one_of(*choices: object, later: tuple[str, ...] = ()) -> BeforeValidator:
    """Check that a value is one of `choices`; those in `later` are refused as not in this version."""

    def check(value: object) -> object:
        if value in choices and not isinstance(value, bool):
            return value
        expected = ", ".join(map(str, choices))
        if value in later:
            raise fault("later", value=value, expected=expected)
        known = [choice for choice in choices if isinstance(choice, str)]
        near = nearest(value, known) if isinstance(value, str) else ""
        shown = "" if value is None else value
        raise fault("choice", value=shown, expected=expected, near=near)

    return BeforeValidator(check)


Listed = BeforeValidator(_as_tuple)
Duration = Annotated[float, BeforeValidator(seconds_of)]
Percent = Annotated[float, BeforeValidator(_percent)]
Day = Annotated[date, BeforeValidator(_day)]
Address = Annotated[Endpoint, BeforeValidator(_endpoint)]
Cidr = Annotated[str, BeforeValidator(_cidr)]
SipUri = Annotated[str, BeforeValidator(_gateway)]
Text = Annotated[str, BeforeValidator(_text)]
TlsName = Annotated[str, BeforeValidator(_matching(_TLS_NAME, "tls_name"))]
Name = Annotated[str, BeforeValidator(_matching(_NAME, "name"))]
Number = Annotated[str, BeforeValidator(_matching(NUMBER, "number"))]
Prefix = Annotated[str, BeforeValidator(_matching(_PREFIX, "prefix"))]
Country = Annotated[str, BeforeValidator(_matching(_COUNTRY, "country"))]
Area = Annotated[str, BeforeValidator(_matching(_AREA, "area"))]
Dialled = Annotated[str, BeforeValidator(_matching(_DIALLED, "dialled"))]
Replaced = Annotated[str, BeforeValidator(_matching(_REPLACED, "replaced"))]
ShortNumber = Annotated[str, BeforeValidator(_matching(_SHORT, "short_number"))]
Verify = Annotated[Literal["off", "when-present", "required"], one_of("off", "when-present", "required")]
Level = Annotated[Literal["A", "B", "C"], one_of("A", "B", "C")]
OnError = Annotated[Literal["pass", "reject"], one_of("pass", "reject")]
CallMode = Annotated[Literal["block", "monitor"], one_of("block", "monitor")]


def status_of(value: Any) -> Any:
    """Check the status of a rejection (RFC 3261 §21, RFC 5079, RFC 8197, RFC 8688)."""
    if value in STATUSES and not isinstance(value, bool):
        return value
    raise fault("status", value=value, expected=", ".join(map(str, STATUSES)))


class PolicyAction(Section):
    """What follows when a rule is broken."""

    action: Annotated[Literal["reject", "replace", "tag", "ignore"], one_of("reject", "replace", "tag", "ignore")] = (
        Field(
            description="`reject` the call, `replace` its caller by the trunk's pilot number (`caller.*`), "
            "`tag` it (pass and record), or `ignore` the rule."
        )
    )
    status: Annotated[int | None, BeforeValidator(status_of)] = Field(
        default=None, description="SIP status of a rejection; default: the rule's own."
    )
