"""From settings to values: what a configuration and its directory mean for a node, and what a reload may change."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Final

from proxy.call.directory import Directory
from proxy.call.trunk import Customer, DialPlan, IdentityTerms, RuleAction, Trunk
from proxy.checks.policy import NAMES, agreed, effective
from proxy.core.admit import Admission
from proxy.core.hops import HopTerms, NextHop
from proxy.core.place import Hop, Listener, Place
from proxy.core.proxy import Network
from proxy.core.state import Wants
from proxy.core.tally import Tally
from proxy.net.terms import Peers
from proxy.net.tls import TlsFiles, contexts_of
from proxy.net.udp import source_for
from proxy.observe.hep import Agent, Hep
from proxy.settings.kinds import Destination, transport_of
from proxy.settings.load import listener_fault, load, number_source
from proxy.settings.model import Core, ProbeTerms, Settings
from proxy.settings.problems import ConfigError, Problem, ProblemList
from proxy.sources.admin_files import read_admin
from proxy.sources.directory import examine
from proxy.sources.directory_file import shrinks_too_far
from proxy.sources.identity_files import NO_FILES, IdentityFiles, node_terms, read_identity
from proxy.sources.identity_services import authentication_of
from proxy.sources.judge import OFF, Judge, Rules
from proxy.sources.listen_files import ListenFiles, read_listen
from proxy.sources.named_files import place_of
from proxy.sources.placing import NOTHING, Known, Placed, peer_names, placed
from proxy.sources.replacing import find_unreplaceable
from proxy.sources.shipping_files import NO_FILES as NOT_SHIPPED
from proxy.sources.shipping_files import ShippingFiles, read_shipping
from proxy.sources.verification import Verifier
from proxy.store.snapshot import SnapshotError, keep, kept


@dataclass(frozen=True, slots=True)
class Loaded:
    """
    A configuration file, and the directory and the identity files that it names, read whole.

    `digest` is that of the snapshot which the directory lies in, where it lies in one; such a value is small when it
    goes to another process, which maps the snapshot by itself.
    """

    settings: Settings
    directory: Directory
    identity: IdentityFiles = NO_FILES
    listen: Mapping[int, ListenFiles] = field(default_factory=dict)
    digest: bytes = b""
    shipping: ShippingFiles = NOT_SHIPPED

    def __reduce__(self) -> tuple[object, ...]:
        if self.digest:
            return _mapped, (self.settings, self.identity, self.listen, self.digest, self.shipping)
        return Loaded, (self.settings, self.directory, self.identity, self.listen, b"", self.shipping)


def _mapped(
    settings: Settings,
    identity: IdentityFiles,
    listen: Mapping[int, ListenFiles],
    digest: bytes,
    shipping: ShippingFiles,
) -> Loaded:
    """A value that came from another process: its snapshot waits to be taken, or has just been. Raises OSError."""
    for path in (_next(settings), snapshot_of(settings)):
        with contextlib.suppress(OSError, SnapshotError):
            directory, found = kept(path)
            if found == digest:
                return Loaded(settings, directory, identity, listen, digest, shipping)
    raise FileNotFoundError(errno.ENOENT, "snapshot is gone", str(snapshot_of(settings)))


@dataclass(frozen=True, slots=True)
class RuleBook:
    """What is asked of the calls of each trunk, by its id, and of one that is not there any more."""

    trunks: Mapping[str, Rules]
    default: Rules


@dataclass(frozen=True, slots=True)
class Ready:
    """A configuration that can be taken over at once."""

    loaded: Loaded
    network: Network
    rules: RuleBook
    peers: Peers


_AWAY: Final = frozenset({"store.unavailable", "store.missing"})


def load_all(config: Path) -> Loaded:
    """Read a configuration, its directory and its identity files. Raises ConfigError with every problem of them."""
    settings = load(config, rules=NAMES)
    directory = _directory(config, settings)
    found = ProblemList()
    identity = read_identity(config, settings, directory.trunks.values(), found)
    read_admin(config, settings.admin, found)  # for the control process, which reads them itself
    shipping = read_shipping(config, settings.shipping, found)
    for trunk in directory.trunks.values():
        for uri in trunk.gateway:
            fault = listener_fault(settings.listen, uri)
            if fault:
                values = {"value": uri, "transport": transport_of(uri)}
                found.add(Problem(str(config), 0, 0, f"trunk {trunk.id}: gateway", fault, values))
    listen = read_listen(config, settings.listen, found)
    found.check()
    return Loaded(settings, directory, identity, listen, shipping=shipping)


def load_to_start(config: Path) -> tuple[Loaded, tuple[Problem, ...]]:
    """
    What a node starts on: as `load_all`, and while the database is away the last directory that came from it.

    The problems say why that was needed. Raises ConfigError.
    """
    try:
        loaded = load_all(config)
    except ConfigError as error:
        if any(problem.message_key not in _AWAY for problem in error.problems):
            raise
        settings = load(config, rules=NAMES)
        try:
            directory, digest = kept(snapshot_of(settings))
        except (OSError, SnapshotError):
            raise error from None
        found = ProblemList()
        identity = read_identity(config, settings, directory.trunks.values(), found)
        listen = read_listen(config, settings.listen, found)
        shipping = read_shipping(config, settings.shipping, found)
        found.check()
        return Loaded(settings, directory, identity, listen, digest, shipping), error.problems
    return lay_by(loaded, snapshot_of(loaded.settings)), ()


def load_next(config: Path) -> Loaded:
    """As `load_all`, in the child process of a reload: a snapshot is laid ready for `take_next`. Raises ConfigError."""
    loaded = load_all(config)
    _next(loaded.settings).unlink(missing_ok=True)  # of a reload that was refused
    return lay_by(loaded, _next(loaded.settings))


def lay_by(loaded: Loaded, path: Path) -> Loaded:
    """
    Write the directory to a snapshot and map that. A full disk is no reason to go without the directory: it stays
    in memory then.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = keep(path, loaded.directory)
        directory, found = kept(path)
    except (OSError, SnapshotError):
        return loaded
    return replace(loaded, directory=directory, digest=digest) if found == digest else loaded


def take_next(settings: Settings) -> None:
    """The reload was taken: its snapshot is the one to start on. Where there is none, nothing happens."""
    with contextlib.suppress(FileNotFoundError):
        _next(settings).replace(snapshot_of(settings))


def snapshot_of(settings: Settings) -> Path:
    """The file with the last directory that came from this database; another database has another file."""
    name = hashlib.sha256(settings.directory.url.encode()).hexdigest()[:12]
    return Path(settings.node.state) / f"directory-{name}.snapshot"


def _next(settings: Settings) -> Path:
    file = snapshot_of(settings)
    return file.with_name(file.name + ".next")


def _directory(config: Path, settings: Settings) -> Directory:
    found = ProblemList()
    source = number_source(config, settings)
    examined = examine(source, found, NAMES) if source is not None else None
    if examined is not None:
        find_unreplaceable(settings, examined, found)
    found.check()
    assert examined is not None  # noqa: S101 - a directory that is not there is a problem
    return examined.directory


def core_trunk(settings: Settings) -> Trunk:
    """The core side as a trunk: it is trusted, and writes numbers as the country does."""
    plan = DialPlan(country=settings.numbering.country, emergency=frozenset(settings.numbering.emergency))
    return Trunk(id="core", customer=Customer("core"), role="core", dial_plan=plan)


def listeners_of(settings: Settings) -> tuple[Listener, ...]:
    """The listeners, with what peers are told about each."""
    return tuple(
        Listener(index, item.name, *(item.advertise or item.address), item.address, item.transport)
        for index, item in enumerate(settings.listen)
    )


def network_of(loaded: Loaded, known: Known = NOTHING, retired: Iterable[tuple[Destination, str]] = ()) -> Network:
    """
    Who is who around the node, and which listener leads to whom (asked from the kernel's routes). `known` is what
    names stand for, `retired` are IP addresses that they have stood for.
    """
    listeners = listeners_of(loaded.settings)
    side = loaded.settings.core
    core = placed([(hop.uri, hop.priority, hop.weight) for hop in side.next_hops], known, listeners)
    gateways = {
        trunk.id: placed([(uri, place, 1) for place, uri in enumerate(trunk.gateway)], known, listeners)
        for trunk in loaded.directory.trunks.values()
        if trunk.gateway
    }
    leads = {
        way: _listener_for(*way, listeners)
        for way in {each.way for made in (core, *gateways.values()) for each in made}
    }
    of_core = {hop.destination for hop in side.next_hops}
    trusted = {each.address[0] for each in core} | {ip for wanted, ip in retired if wanted in of_core}

    def hops(made: Iterable[Placed]) -> tuple[NextHop, ...]:
        return tuple(
            NextHop(Hop(each.address, leads[each.way], each.transport, fixed=each.fixed), each.priority, each.weight)
            for each in made
        )

    return Network(
        Place(listeners, leads),
        Admission(loaded.directory, core_trunk(loaded.settings), trusted),
        hops(core),
        {trunk: hops(made) for trunk, made in gateways.items()},
        hop_terms(side, len(core)),
        answer_strangers=loaded.settings.node.answer_strangers,
        wants=_wants(loaded.settings),
    )


def peers_of(config: Path, loaded: Loaded) -> Peers:
    """
    What connections go by: TLS contexts by listener, and the names that certificates at known addresses may have.

    Raises OSError (ssl.SSLError too) where a file is no longer what was read.
    """
    contexts = {}
    for index, files in loaded.listen.items():
        item = loaded.settings.listen[index]
        if item.certificate is not None and item.key is not None:
            places = place_of(config, item.certificate), place_of(config, item.key)
            contexts[index] = contexts_of(TlsFiles(*places, files.client_ca, files.server_ca))
    return Peers(contexts, peer_names(loaded.settings, loaded.directory))


def _wants(settings: Settings) -> Wants:
    hep = settings.shipping.hep
    return Wants("" if hep is None else hep.calls, media=settings.identity is not None)


def hop_terms(core: Core, count: int = 0) -> HopTerms:
    """How `count` next hops are watched: where nothing is said, and there is one, there is nothing to choose."""
    probe = core.probe or ProbeTerms()
    probed = core.probe is not None or len(core.next_hops) > 1 or count > 1
    return HopTerms(probe.down_after, core.failover_after, probe.interval if probed else 0.0)


def _listener_for(ip: str, transport: str, listeners: tuple[Listener, ...]) -> int:
    """The listener whose address the kernel would send from; else the first of the family; else the first."""
    source = source_for(ip)
    family = [each for each in listeners if each.is_ipv6 == (":" in ip) and each.transport == transport]
    exact = [listener for listener in family if listener.bound[0] == source]
    return (exact or family or list(listeners))[0].index


def rules_of(loaded: Loaded) -> RuleBook:
    """What is asked of the calls of each trunk."""
    settings = loaded.settings
    node, terms = _node_policy(settings), node_terms(settings.identity)
    rules = {
        trunk.id: _rules_of(settings, node, agreed(terms, trunk.identity), trunk)
        for trunk in loaded.directory.trunks.values()
    }
    return RuleBook(rules, Rules(effective(node, {}), OFF, settings.node.mode))


def ready_of(config: Path, loaded: Loaded) -> Ready:
    """
    All that takes its time before a configuration can be taken over; it touches nothing that runs.

    Raises OSError (ssl.SSLError too) where a file is no longer what was read.
    """
    return Ready(loaded, network_of(loaded), rules_of(loaded), peers_of(config, loaded))


def judge_of(
    loaded: Loaded,
    today: Callable[[], date],
    clock: Callable[[], float],
    verifier: Verifier | None = None,
    rules: RuleBook | None = None,
) -> Judge:
    """
    The judge under this configuration; `clock` gives epoch seconds, `verifier` is what `verifier_of` made, `rules`
    what `rules_of` made, where it has been made already.
    """
    settings, directory = loaded.settings, loaded.directory
    book = rules or rules_of(loaded)
    identity = settings.identity
    if identity is None:
        return Judge(directory, book.trunks, book.default, today)
    signer = authentication_of(identity, loaded.identity, clock)
    return Judge(directory, book.trunks, book.default, today, verifier, signer, tells=identity.verstat)


def hep_of(loaded: Loaded, wall: Callable[[float], float], tally: Tally) -> Hep | None:
    """What shows messages to a capture server; `wall` gives seconds since the epoch. Raises OSError."""
    terms = loaded.settings.shipping.hep
    if terms is None:
        return None
    agent = Agent(terms.id, loaded.settings.node.name, loaded.shipping.hep_key.encode())
    return Hep(terms.address, agent, wall, tally)


def _node_policy(settings: Settings) -> dict[str, RuleAction]:
    return {name: RuleAction(entry.action, entry.status) for name, entry in settings.policy.items()}


def _rules_of(settings: Settings, node: Mapping[str, RuleAction], terms: IdentityTerms, trunk: Trunk) -> Rules:
    policy = effective(node, trunk.policy, terms.on_error or "pass", replaces=trunk.role == "access")
    return Rules(policy, terms, trunk.mode or settings.node.mode, settings.replacement.shows)


def changes_refused(config: Path, old: Loaded, new: Loaded, *, force: bool) -> list[Problem]:
    """What a reload may not do: change what only a restart can, or lose too many numbers unless forced."""
    problems: list[Problem] = []
    fixed = {
        "listen": (old.settings.listen, new.settings.listen),
        "node.name": (old.settings.node.name, new.settings.node.name),
        "node.workers": (old.settings.node.workers, new.settings.node.workers),
        "node.state": (old.settings.node.state, new.settings.node.state),
        "records": (old.settings.records, new.settings.records),
        "metrics": (old.settings.metrics, new.settings.metrics),
        "admin": (old.settings.admin, new.settings.admin),
        "core.ring_timeout": (old.settings.core.ring_timeout, new.settings.core.ring_timeout),
    }
    for key, (before, after) in fixed.items():
        if before != after:
            problems.append(Problem(str(config), 0, 0, key, "config.needs_restart", {}))
    before_total, after_total = old.directory.total, new.directory.total
    if not force and shrinks_too_far(before_total, after_total, new.settings.directory.max_shrink):
        values = {
            "before": before_total,
            "after": after_total,
            "share": f"{new.settings.directory.max_shrink:.0%}",
        }
        problems.append(Problem(str(config), 0, 0, "directory", "config.directory_shrinks", values))
    return problems


def node_key(state: Path) -> bytes:
    """The node's secret for branches, tags and route cookies; made once, kept for restarts."""
    path = state / "node.key"
    with contextlib.suppress(FileNotFoundError):
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
        if len(key) >= 16:
            return key
    key = secrets.token_bytes(32)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(key.hex() + "\n")
    return key


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file in one step: readers see the old or the new one, never half."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(data + b"\n")
    new.replace(path)
