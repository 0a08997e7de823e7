"""Reads a configuration file whole: settings, or every problem of the file at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from proxy.settings import yaml_strict
from proxy.settings.kinds import REPLACEABLE, Endpoint, parse_sip_uri, transport_of
from proxy.settings.model import DirectorySource, Listen, Numbering, Settings
from proxy.settings.problems import Problem, ProblemList, nearest
from proxy.settings.shipping_model import Nats, NatsTls
from proxy.settings.yaml_strict import Document, dotted

FILE: Final = "file:"  # what the URL of a directory file begins with
MAX_OCTETS: Final = yaml_strict.MAX_CHARACTERS + 1
Read = TypeVar("Read", bound=BaseModel)

# what pydantic itself finds -> the text in the catalogue
_MESSAGES: Final = {
    "missing": "config.missing",
    "extra_forbidden": "config.unknown_key",
    "bool_type": "config.boolean",
    "model_type": "config.mapping",
    "model_attributes_type": "config.mapping",
    "dict_type": "config.mapping",
    "mapping_type": "config.mapping",
}


def load(path: Path, *, rules: Collection[str]) -> Settings:
    """
    Read a configuration file; `rules` are the names (rules and families) that `policy` may use.

    Raises ConfigError with every problem of the file.
    """
    found = ProblemList()
    document = open_document(path)
    settings = None
    if report_document(document, found):
        settings = validate(Settings, document, found, document.data)
    at = _Places(document, found)
    if isinstance(document.data, dict):
        at.name_rules(document.data.get("policy"), ("policy",), rules)
    if settings is not None:
        _compare(settings, at)
    found.check()
    assert settings is not None  # noqa: S101 - a missing model is a problem
    return settings


def open_document(path: Path) -> Document:
    """Read a file as strict YAML; what is wrong with it stands in the document."""
    shown = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_OCTETS)
        if len(data) < MAX_OCTETS:
            return yaml_strict.examine(data.decode("utf-8"), shown)
        problems = (Problem(shown, 0, 0, "", "yaml.too_large", {"limit": MAX_OCTETS // 2**20}),)
    except OSError as error:
        problems = (Problem(shown, 0, 0, "", "file.unreadable", {"reason": error.strerror or type(error).__name__}),)
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line, column = before.count(b"\n") + 1, len(before[before.rfind(b"\n") + 1 :].decode("utf-8")) + 1
        problems = (Problem(shown, line, column, "", "file.no_utf8"),)
    return Document(shown, None, yaml_strict.Positions(), problems)


def report_document(document: Document, found: ProblemList) -> bool:
    """Note what is wrong with a file as YAML, and whether there is anything in it to look at."""
    found.add(*document.problems)
    if document.data is None and not document.problems:
        found.add(Problem(document.file, 0, 0, "", "file.empty"))
    return document.data is not None


def validate(
    model: type[Read], document: Document, found: ProblemList, data: object, path: yaml_strict.Path = ()
) -> Read | None:
    """Make a model of what stands at `path` of a document; None, and problems in `found`, if it is wrong."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        known = {problem.key for problem in document.problems}
        details = error.errors(include_url=False)
        problems = (_translate(model, document, each, path) for each in details)
        found.add(*(each for each in problems if each.key not in known))
    return None


def _translate(model: type[BaseModel], document: Document, error: ErrorDetails, before: yaml_strict.Path) -> Problem:
    """Turn an error of pydantic into a problem with its place."""
    path, kind = (*before, *error["loc"]), error["type"]
    values: dict[str, object] = dict(error.get("ctx", {}))
    line, column = document.positions.value(path)
    if path[-1:] == ("[key]",):  # pydantic's name for the key itself
        path = path[:-1]
        line, column = document.positions.key(path)
    if kind == "extra_forbidden":
        line, column = document.positions.key(path)
        values["near"] = nearest(str(path[-1]), _fields(model, error["loc"][:-1]))
    message = kind if kind.startswith("config.") else _MESSAGES.get(kind, "config.invalid")
    if message == "config.invalid":
        values = {"reason": error["msg"]}
    if error["input"] is None and kind != "missing":
        message, values = "config.empty", {}
    return Problem(document.file, line, column, dotted(path), message, values)


def _fields(model: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """The keys that may stand at a path of a model."""
    for part in path:
        if isinstance(part, str) and part in (names := _by_key(model)):
            model = next(_models(names[part].annotation), model)
    return list(_by_key(model))


def _by_key(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


@dataclass(frozen=True, slots=True)
class _Places:
    """Notes what is wrong between values that are each well-formed."""

    document: Document
    found: ProblemList

    def note(self, path: yaml_strict.Path, message: str, **values: object) -> None:
        """Note a problem with the value at a path."""
        line, column = self.document.positions.value(path)
        self.found.add(Problem(self.document.file, line, column, dotted(path), message, values))

    def name_rules(self, policy: object, path: yaml_strict.Path, rules: Collection[str]) -> None:
        """Check the names in a policy, and that only rejections have a status."""
        for problem in policy_problems(self.document, policy, path, rules):
            self.found.add(problem)


def policy_problems(
    document: Document, policy: object, path: yaml_strict.Path, rules: Collection[str]
) -> Iterator[Problem]:
    """Find names in a raw policy that are no rules, replacements of what is no number, and statuses without use."""
    for name, entry in policy.items() if isinstance(policy, dict) else ():
        inner = (*path, name)
        if name not in rules:
            line, column = document.positions.key(inner)
            values = {"rule": name, "near": nearest(name, sorted(rules))}
            yield Problem(document.file, line, column, dotted(inner), "config.unknown_rule", values)
        elif isinstance(entry, dict) and entry.get("action") == "replace" and name not in REPLACEABLE:
            line, column = document.positions.value((*inner, "action"))
            yield Problem(document.file, line, column, dotted((*inner, "action")), "config.not_replaceable")
        if isinstance(entry, dict) and "status" in entry and entry.get("action") in ("tag", "ignore"):
            line, column = document.positions.value((*inner, "status"))
            yield Problem(document.file, line, column, dotted((*inner, "status")), "config.status_without_reject")


def _compare(settings: Settings, at: _Places) -> None:
    """Check what must fit together: listeners, next hops, endpoints."""
    _twice(at, {("listen", i, "name"): item.name for i, item in enumerate(settings.listen)}, "config.same_name")
    _twice(
        at,
        {("listen", i, "address"): (item.transport == "udp", item.address) for i, item in enumerate(settings.listen)},
        "config.same_address",
    )
    _compare_transports(settings, at)
    own: set[Endpoint] = set()
    for index, item in enumerate(settings.listen):
        own |= {item.address, item.advertise or item.address}
        told = item.advertise or item.address
        if told[0] in ("0.0.0.0", "::"):  # noqa: S104 - refused, not bound
            key = "config.advertise" if item.advertise is None else "config.advertise_any"
            at.note(("listen", index, "advertise" if item.advertise else "address"), key)
    for index, hop in enumerate(settings.core.next_hops):
        if hop.destination[:2] in own:
            at.note(("core", "next_hops", index, "uri"), "config.own_address", value=hop.uri)
    _twice(
        at,
        {
            ("core", "next_hops", i, "uri"): (hop.transport, hop.destination[:2])
            for i, hop in enumerate(settings.core.next_hops)
        },
        "config.same_address",
    )
    if settings.metrics.address == settings.admin.address:
        at.note(("admin", "address"), "config.same_address", first="metrics.address")
    _compare_admin(settings, at)
    _compare_nats(settings.shipping.nats, at)


def _compare_transports(settings: Settings, at: _Places) -> None:
    """Check that TLS has what it needs, and that there is a listener for every next hop."""
    for index, item in enumerate(settings.listen):
        for key in ("certificate", "key", "client_ca", "server_ca"):
            given = getattr(item, key) is not None
            if given and item.transport != "tls":
                at.note(("listen", index, key), "config.tls_only")
            elif not given and item.transport == "tls" and key in ("certificate", "key"):
                at.note(("listen", index, "transport"), "config.tls_incomplete", missing=key)
    for index, hop in enumerate(settings.core.next_hops):
        where = ("core", "next_hops", index, "uri")
        fault = listener_fault(settings.listen, hop.uri)
        if fault:
            at.note(where, fault, value=hop.uri, transport=hop.transport)
        if hop.tls_name is not None and hop.transport != "tls":
            at.note(("core", "next_hops", index, "tls_name"), "config.tls_only")


def listener_fault(listen: Iterable[Listen], uri: str) -> str:
    """Why no listener can reach a SIP URI: the text that says so; "" where one can."""
    transport, where = transport_of(uri), parse_sip_uri(uri)
    able = [item for item in listen if item.transport == transport]
    if not where.is_name:
        able = [item for item in able if (":" in item.address[0]) == (":" in where.host)]
    if not able:
        return "config.no_listener" if transport != "udp" else ""
    if transport == "tls" and not any(item.server_ca or item.client_ca for item in able):
        return "config.no_server_ca"
    return ""


def _compare_admin(settings: Settings, at: _Places) -> None:
    """Check that what TLS needs is there, and that whoever reaches the address from elsewhere proves who they are."""
    admin, identity = settings.admin, settings.identity
    _beside(at, ("admin",), admin, ("certificate", "key"), ("key", "certificate"), ("client_ca", "certificate"))
    served = identity is not None and (identity.sign is not None or bool(identity.trust_anchors))
    if served and not admin.is_local and not admin.guarded:
        at.note(("admin", "address"), "config.admin_open", address=admin.address[0])


def _compare_nats(nats: Nats | None, at: _Places) -> None:
    """Check that what proves who we are is whole, and that what belongs to TLS is not for nothing."""
    if nats is None:
        return
    path = ("shipping", "nats")
    _beside(at, path, nats, ("user", "password"), ("password", "user"))
    _beside(at, (*path, "tls"), nats.tls, ("certificate", "key"), ("key", "certificate"))
    if nats.credentials is not None and nats.user is not None:
        at.note((*path, "user"), "config.nats_both")
    if nats.tls != NatsTls() and not nats.is_tls:
        at.note((*path, "tls"), "config.nats_no_tls")


def _beside(at: _Places, path: yaml_strict.Path, section: BaseModel, *needs: tuple[str, str]) -> None:
    """Check that where the first key of a pair stands, the second one stands too."""
    for given, missing in needs:
        if getattr(section, given) is not None and getattr(section, missing) is None:
            at.note((*path, given), "config.incomplete", missing=missing)


def _twice(at: _Places, values: Mapping[yaml_strict.Path, object], message: str) -> None:
    seen: dict[object, yaml_strict.Path] = {}
    for path, value in values.items():
        if value in seen:
            at.note(path, message, first=dotted(seen[value]))
        seen.setdefault(value, path)


@dataclass(frozen=True, slots=True)
class NumberSource:
    """Where the directory is, and what it is read with."""

    config: Path
    url: str
    country: str
    emergency: frozenset[str]

    @property
    def is_file(self) -> bool:
        """Whether it is a file; else it is a database."""
        return self.url.startswith(FILE)

    @property
    def path(self) -> Path:
        """The directory file; a relative path starts at the configuration file."""
        return self.config.parent / self.url.removeprefix(FILE)


def number_source(config: Path, settings: Settings | None) -> NumberSource | None:
    """
    Give the directory of a configuration.

    Of one that is broken (`settings` None) what can still be made out, so that both are looked at in one go;
    None when it does not say where its directory is.
    """
    if settings is not None:
        url, numbering = settings.directory.url, settings.numbering
    else:
        data = open_document(config).data
        unheard = ProblemList()
        document = Document(str(config), data, yaml_strict.Positions())
        parts = data if isinstance(data, dict) else {}
        source = validate(DirectorySource, document, unheard, parts.get("directory"))
        if source is None:
            return None
        url = source.url
        numbering = validate(Numbering, document, unheard, parts.get("numbering", {})) or Numbering()
    return NumberSource(config, url, numbering.country, frozenset(numbering.emergency))
