"""trunkward evidence: whether the records are as they were written, and the proof of a part of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import click

from proxy.checks.policy import NAMES
from proxy.cli.language import lang_option, pick
from proxy.cli.problems import show_problems
from proxy.cli.table import json_text, output_option, print_rows, visible
from proxy.observe import evidence, export
from proxy.observe.bundle import BundleError, verify_bundle
from proxy.observe.evidence_key import PUBLIC, Keys, public_keys
from proxy.observe.export import Bound, NothingThereError, NotSealedError, Part
from proxy.observe.findings import Fault, Findings, Gap
from proxy.observe.reading import moment
from proxy.observe.record import Clock
from proxy.settings.catalogue import text
from proxy.settings.load import load
from proxy.settings.model import Settings
from proxy.settings.problems import ConfigError

FAILED: Final = 3
FILE: Final = click.Path(path_type=Path, dir_okay=False)
MUCH: Final = 16 << 20  # octets from which on it takes long enough to show that something happens
Decorated = TypeVar("Decorated", bound=Callable[..., Any])
COLUMNS: Final = ("kind", "file", "line", "seq", "between", "missing")


@click.group("evidence")
def command() -> None:
    """Verify the chain of records, and pack a part of it with its proof."""


def where(function: Decorated) -> Decorated:
    """Add the options that say where the records and the public keys are."""
    for option in (
        click.option("--records", type=click.Path(path_type=Path), help="Directory of the record files."),
        click.option("-c", "--config", type=click.Path(path_type=Path), help="Configuration file that names it."),
        click.option(
            "--public-key", "pems", type=FILE, multiple=True, help="The node's evidence.pub; may be repeated."
        ),
        output_option,
        lang_option,
    ):
        function = option(function)
    return function


@command.command("verify")
@click.option("--bundle", "packed", type=FILE, help="File that `evidence export` made, instead of a directory.")
@click.option("--checkpoint", "copies", type=FILE, multiple=True, help="Checkpoint kept elsewhere; may be repeated.")
@where
def verify(
    packed: Path | None,
    records: Path | None,
    config: Path | None,
    copies: tuple[Path, ...],
    pems: tuple[Path, ...],
    output: str,
    lang: str | None,
) -> None:
    """Walk the records and name the first line that is wrong. Exit 3 when one is."""
    language = pick(lang)
    directory, pems = _sources(records, config, pems, language)
    if directory is None if packed is None else records is not None:
        raise click.UsageError(text("evidence.one_source", language))
    with _readable(language):
        keys = public_keys_of(pems, language)
        if packed is not None:
            chains = {"": _verify_bundle(packed, keys, copies, language)}
        else:
            chains = _verify_directory(directory or Path(), keys, copies, language)
    show_all(chains, output, language)
    sys.exit(0 if all(found.is_good for found in chains.values()) else FAILED)


def _verify_directory(directory: Path, keys: Keys, copies: tuple[Path, ...], language: str) -> dict[str, Findings]:
    """What was found in each chain."""
    if not evidence.series_in(directory):
        key = "call.no_files" if directory.is_dir() else "call.no_directory"
        _stop(text(key, language, directory=directory))
    with _bar(evidence.size_of(directory), "evidence.walking", language) as progress:
        series = evidence.series_in(directory, copies)
        return {each: evidence.verify(directory, keys, copies, progress, each) for each in series}


def _verify_bundle(packed: Path, keys: Keys, copies: tuple[Path, ...], language: str) -> Findings:
    try:
        with _bar(packed.stat().st_size, "evidence.walking", language) as progress:
            return verify_bundle(packed, keys, copies, progress)
    except BundleError as error:
        _stop(text("evidence.no_bundle", language, file=packed, reason=error))


@command.command("export")
@click.option("--from", "start", default="", help="First record: seq, or time as in `call search --since`.")
@click.option("--to", "end", default="", help="Last record, inclusive (default: the last that is signed for).")
@click.option(
    "--chain", type=click.IntRange(0, 9999), default=0, help="Which chain of the node (default: 0, the first)."
)
@click.option("--out", type=FILE, required=True, metavar="FILE.tar.gz", help="File to write; it must not be there.")
@where
def export_command(
    start: str,
    end: str,
    chain: int,
    out: Path,
    records: Path | None,
    config: Path | None,
    pems: tuple[Path, ...],
    output: str,
    lang: str | None,
) -> None:
    """Pack a part of the records with its proof, and verify that. Exit 3 when something is wrong with it."""
    language = pick(lang)
    first, last = _bound(start, "--from", language), _bound(end, "--to", language)
    directory, pems = _sources(records, config, pems, language)
    if directory is None or not pems:
        raise click.UsageError(text("evidence.where_and_key", language))
    with _readable(language):
        keys = public_keys_of(pems, language)
        series = str(chain or "")
        marks = export.sealed_by(directory, keys, series)
        with _bar(evidence.size_of(directory), "evidence.finding", language) as progress:
            part = _part(lambda: export.find(directory, marks, first, last, progress, series), language)
        now = time.time()
        export.pack(out, part, marks, keys, now, Clock().text(now))
        found = _verify_bundle(out, keys, (), language)
    show(found, output, language)
    if output == "table":
        click.echo(text("evidence.packed", language, file=visible(str(out)), first=part.first, last=part.last))
        click.echo(text("evidence.unmasked", language))
    sys.exit(0 if found.is_good else FAILED)


def _part(find: Callable[[], Part], language: str) -> Part:
    """The part that is asked for; leaves with 1 when there is none, or nothing proves it yet."""
    try:
        return find()
    except NothingThereError:
        _stop(text("evidence.nothing_there", language))
    except NotSealedError as error:
        _stop(text("evidence.not_sealed", language, sealed=error.sealed))


def _bound(value: str, option: str, language: str) -> Bound:
    if value.isascii() and value.isdigit():
        return Bound(seq=int(value))
    try:
        return Bound(ts=moment(value, time.time())) if value else Bound()
    except (ValueError, OverflowError):
        said = text("evidence.no_bound", language, value=visible(value))
        raise click.BadParameter(said, param_hint=option) from None


def _sources(
    records: Path | None, config: Path | None, pems: tuple[Path, ...], language: str
) -> tuple[Path | None, tuple[Path, ...]]:
    """The directory of the records, and the files of public keys: those given, else the one of the configuration."""
    if config is None:
        return records, pems
    settings = settings_of(config, language)
    own = Path(settings.node.state) / PUBLIC
    return records or Path(settings.records.directory), pems or ((own,) if own.exists() else ())


def settings_of(config: Path, language: str) -> Settings:
    """The settings of a file; leaves with 1 when they are wrong."""
    try:
        return load(config, rules=NAMES)
    except ConfigError as error:
        show_problems(error.problems, language)
        sys.exit(1)


def public_keys_of(pems: tuple[Path, ...], language: str) -> Keys:
    """Public keys of files; leaves with 1 when one holds none. Raises OSError."""
    keys: dict[str, Any] = {}
    for file in pems:
        try:
            keys |= public_keys([file.read_bytes()])
        except ValueError:
            _stop(text("evidence.no_key", language, file=file))
    return keys


def show_all(chains: dict[str, Findings], output: str, language: str) -> None:
    """Print what was found in each chain; as JSON one object, that of the first, which holds those of the others."""
    if len(chains) == 1:
        show(next(iter(chains.values())), output, language)
        return
    if output == "json":
        first, *others = [{"chain": int(series or 0)} | all_facts(found) for series, found in chains.items()]
        result = "passed" if all(found.is_good for found in chains.values()) else "failed"
        click.echo(json_text(first | {"result": result, "chains": others}))
        return
    for series, found in chains.items():
        if output == "table":
            click.echo(text("evidence.chain", language, chain=series or 0))
        show(found, output, language)


def all_facts(found: Findings) -> dict[str, object]:
    """What was found as one JSON object."""
    told = {"faults": [fault.row() for fault in found.faults], "gaps_found": [gap.row() for gap in found.gaps]}
    return found.facts() | {"fault_count": found.fault_count} | told


def show(found: Findings, output: str, language: str) -> None:
    """Print what was found: all of it as JSON, the faults as CSV, or sentences for people."""
    rows = [fault.row() for fault in found.faults]
    if output == "json":
        click.echo(json_text(all_facts(found)))
        return
    if output == "csv":
        print_rows({key: text(f"evidence.column.{key}", language) for key in COLUMNS}, rows, output)
        return
    pairs = [{"key": text(f"evidence.fact.{key}", language), "value": value} for key, value in facts(found, language)]
    print_rows({"key": text("column.key", language), "value": text("column.value", language)}, pairs)
    for gap in found.gaps:
        click.echo(gap_sentence(gap, language))
    for fault in found.faults:
        click.echo(sentence(fault, language))
    if found.fault_count > len(found.faults):
        click.echo(text("evidence.more", language, count=found.fault_count - len(found.faults)))
    if found.signatures != "checked":
        key = "evidence.own_key" if found.signatures == "bundle key" else "evidence.no_public_key"
        click.echo(text(key, language))
    if found.is_good:
        click.echo(text("evidence.passed", language))
        return
    first = sentence(found.faults[0], language)
    click.echo(text("evidence.failed", language, count=found.fault_count, first=first))


def facts(found: Findings, language: str) -> Iterator[tuple[str, str]]:
    """What was found, for people; what says nothing is left out."""
    yield "result", text("evidence.result.passed" if found.is_good else "evidence.result.failed", language)
    values = found.facts()
    yield "range", text("evidence.range" if found.last else "evidence.nothing", language, **values)
    if found.begin:
        yield "begin", text(f"evidence.begin.{found.begin}", language, first=found.first)
    if found.sealed:
        signatures = text(f"evidence.signatures.{found.signatures.replace(' ', '_')}", language)
        said = {"seq": found.sealed, "at": found.sealed_at, "checkpoints": found.checkpoints}
        yield "sealed", text("evidence.sealed", language, **said, signatures=signatures)
    for key in found.keys:
        yield "key", key
    if values["unsealed"]:
        yield "unsealed", text("evidence.unsealed", language, count=values["unsealed"])
    if found.torn:
        yield "torn", text("evidence.torn", language, octets=found.torn)
    if found.gap_count:
        yield "gaps", text("evidence.gaps", language, count=found.gap_count, lost=found.lost)


def sentence(fault: Fault, language: str) -> str:
    """A fault in words."""
    values = {"first": fault.first, "last": fault.last, "seq": fault.place.seq, "missing": fault.row()["missing"]}
    place = {"file": fault.place.file, "line": fault.place.line}
    return visible(text(f"evidence.fault.{fault.kind}", language, **place, **values))


def gap_sentence(gap: Gap, language: str) -> str:
    """A gap in words."""
    if gap.reason == "late":
        return visible(text("evidence.late", language, **gap.row()))
    lost = text("evidence.gap.unknown", language) if gap.lost is None else gap.lost
    return visible(text("evidence.gap", language, **(gap.row() | {"lost": lost})))


@contextmanager
def _bar(size: int, label: str, language: str) -> Iterator[Callable[[int], object]]:
    """What is told of progress: a bar on a terminal when there is much to read, else nobody."""
    if size < MUCH or not sys.stderr.isatty():
        yield lambda _octets: None
        return
    with click.progressbar(length=size, label=text(label, language), file=sys.stderr) as bar:
        yield bar.update


@contextmanager
def _readable(language: str) -> Iterator[None]:
    """Say which file cannot be read or written, and leave with 1."""
    try:
        yield
    except FileExistsError as error:
        _stop(text("evidence.exists", language, file=error.filename))
    except OSError as error:
        if not error.filename:  # not one of ours: standard output was closed, say
            raise
        _stop(f"{error.filename}: {error.strerror}")


def _stop(reason: str) -> NoReturn:
    click.echo(visible(reason), err=True)
    sys.exit(1)
