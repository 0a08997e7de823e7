"""trunkward cert: certificates of STIR/SHAKEN: a private hierarchy, what they say, whether a chain is good."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

import click
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from proxy.cli.ca_directory import CaDirectory, replace, write_pair
from proxy.cli.language import Language, lang_option, pick
from proxy.cli.moment import at_option
from proxy.cli.table import json_text, output_option, print_rows, visible
from proxy.settings.catalogue import text
from stirshaken import crl, hierarchy, profile
from stirshaken.certificate import Validated, covers, load_anchors, load_chain, validate
from stirshaken.errors import MalformedError
from stirshaken.findings import Check, Finding, Result, Rule
from stirshaken.hierarchy import Validity
from stirshaken.numbers import canonical_number
from stirshaken.path import issued
from stirshaken.tnauthlist import Entry, One, Range, Spc, TNAuthList

FAILED: Final = 3
SHOWN: Final = (
    "subject", "issuer", "serial", "not_before", "not_after", "ca", "key", "spc", "authority", "must_include",
    "permitted", "must_exclude", "by_reference", "crl", "faults",
)  # fmt: skip
FILE: Final = click.Path(path_type=Path, dir_okay=False)
DIRECTORY: Final = click.Path(path_type=Path, file_okay=False)


@click.group("cert")
def command() -> None:
    """Make, show and verify STIR/SHAKEN certificates."""


@command.command("init-ca")
@click.argument("directory", type=DIRECTORY)
@click.option("--name", required=True, help="Organisation whose CA it is.")
@click.option("--country", default="CN", show_default=True, help="Two letters.")
@click.option(
    "--days",
    type=click.IntRange(1, 36500),
    default=3650,
    show_default=True,
    help="How long root and intermediate are good.",
)
@at_option
@output_option
@lang_option
def init_ca(directory: Path, name: str, country: str, days: int, at: float, output: str, lang: str | None) -> None:
    """Make a root and an intermediate CA with their keys in DIRECTORY; nothing is overwritten."""
    language = pick(lang)
    try:
        subjects = [hierarchy.name(country.upper(), name, f"{name} {role} CA") for role in ("Root", "Intermediate")]
    except ValueError as error:
        raise click.UsageError(visible(str(error))) from None
    validity = Validity(at, days)
    root = hierarchy.root(subjects[0], hierarchy.new_key(), x509.random_serial_number(), validity)
    middle = hierarchy.intermediate(root, subjects[1], hierarchy.new_key(), x509.random_serial_number(), validity)
    with _readable():
        _show_files(CaDirectory(directory).create(root, middle), output, language)


@command.command("issue")
@click.argument("directory", type=DIRECTORY)
@click.option("--spc", default="", help="Service provider code that the certificate speaks for.")
@click.option("--number", "numbers", multiple=True, help="Number it speaks for; may be repeated.")
@click.option(
    "--range",
    "ranges",
    multiple=True,
    metavar="FIRST-LAST",
    help="Range it speaks for; may be repeated.",
)
@click.option("--crl-url", default="", help="Where the list of revoked certificates will be.")
@click.option("--out", type=FILE, help="File of the chain; the key stands beside it as .key (default: in DIRECTORY).")
@click.option("--days", type=click.IntRange(1, 36500), default=365, show_default=True, help="How long it is good.")
@at_option
@output_option
@lang_option
def issue(
    directory: Path,
    spc: str,
    numbers: tuple[str, ...],
    ranges: tuple[str, ...],
    crl_url: str,
    out: Path | None,
    days: int,
    at: float,
    output: str,
    lang: str | None,
) -> None:
    """Issue a certificate that signs calls: for a provider by --spc, for a customer by --number and --range."""
    language = pick(lang)
    authority = _authority(spc, numbers, ranges, language)
    if out is not None and out.suffix == ".key":
        raise click.UsageError(text("cert.out_is_key", language))
    with _readable():
        parent = CaDirectory(directory).intermediate()
        serial = x509.random_serial_number()
        key = hierarchy.new_key()
        subject = hierarchy.name(*_holder(parent.certificate), f"SHAKEN {spc}" if spc else "SHAKEN delegate")
        made = hierarchy.leaf(parent, subject, key.public_key(), serial, Validity(at, days), authority, crl_url=crl_url)
        file = out or directory / (f"spc-{spc}.pem" if spc.isalnum() else f"delegate-{serial:x}"[:17] + ".pem")
        _show_files(write_pair(file, (made, parent.certificate), key), output, language)


@command.command("revoke")
@click.argument("directory", type=DIRECTORY)
@click.argument("certificate", type=FILE)
@at_option
@lang_option
def revoke(directory: Path, certificate: Path, at: float, lang: str | None) -> None:
    """Write down that CERTIFICATE (PEM) is revoked; `cert crl` then makes the list."""
    language = pick(lang)
    with _readable(certificate):
        leaf = load_chain(certificate.read_bytes())[0]
    with _readable():
        ca = CaDirectory(directory)
        if not issued(leaf, ca.intermediate().certificate):
            _stop(text("cert.of_another", language, file=certificate))
        new = ca.revoke(leaf.serial_number, at)
    click.echo(text("cert.revoked" if new else "cert.revoked_before", language, serial=f"{leaf.serial_number:x}"))


@command.command("crl")
@click.argument("directory", type=DIRECTORY)
@click.option("--days", type=click.IntRange(1, 366), default=7, show_default=True, help="How long the list is good.")
@click.option("--out", type=FILE, help="File of the list (default: crl.pem in DIRECTORY); it is replaced.")
@at_option
@output_option
@lang_option
def crl_command(directory: Path, days: int, out: Path | None, at: float, output: str, lang: str | None) -> None:
    """Make the list of revoked certificates."""
    language = pick(lang)
    file = out or directory / "crl.pem"
    with _readable():
        ca = CaDirectory(directory)
        made = hierarchy.revocation_list(ca.intermediate(), ca.revoked(), int(at), Validity(at, days))
        replace(file, made.public_bytes(Encoding.PEM))
    _show_files([file], output, language)


@command.command("show")
@click.argument("file", type=FILE)
@output_option
@lang_option
def show(file: Path, output: str, lang: str | None) -> None:
    """Show what the certificates of a PEM file say, the leaf first."""
    language = pick(lang)
    with _readable(file):
        rows = [_facts(certificate) for certificate in load_chain(file.read_bytes())]
    if output != "table":
        print_rows({key: key for key in SHOWN}, rows, output)
        return
    for number, row in enumerate(rows):
        if number:
            click.echo()
        pairs = [
            {"key": text(f"cert.column.{key}", language), "value": row[key]}
            for key in SHOWN
            if row[key] not in (None, [])
        ]
        print_rows({"key": text("column.key", language), "value": text("column.value", language)}, pairs)


@command.command("verify")
@click.option("--chain", type=FILE, required=True, help="PEM file of the chain, leaf first.")
@click.option("--anchors", type=FILE, required=True, multiple=True, help="PEM file of trust anchors; may be repeated.")
@click.option("--number", help="A number that the certificate should speak for.")
@click.option(
    "--crl",
    "crls",
    type=FILE,
    multiple=True,
    help="Revocation list, PEM or DER, with its signer's certificate where that is not the issuer; may be repeated.",
)
@at_option
@output_option
@lang_option
def verify(
    chain: Path,
    anchors: tuple[Path, ...],
    number: str | None,
    crls: tuple[Path, ...],
    at: float,
    output: str,
    lang: str | None,
) -> None:
    """Verify a chain. Exit 3 when it is not good, or when that cannot be known."""
    language = pick(lang)
    asked = None if number is None else _number(number)
    with _readable(chain):
        certificates = load_chain(chain.read_bytes())
    with _readable(*anchors):
        trusted = load_anchors(*(file.read_bytes() for file in anchors))
    with _readable(*crls):
        octets = [file.read_bytes() for file in crls]
        lists = [each for one in octets for each in crl.load(one, crl.signers_in(one))]
    verdict = validate(certificates, trusted, at, lists)
    result = _print_verdict(verdict, _number_check(verdict, asked), output, language)
    sys.exit(0 if result is Result.PASSED else FAILED)


def _print_verdict(verdict: Validated, more: list[Check], output: str, language: Language) -> Result:
    findings = [*verdict.findings, *(Finding(Rule.NOT_AUTHORISED, check.detail) for check in more if check.ok is False)]
    checks = [*verdict.checks, *more]
    unknown = any(check.ok is None for check in checks)
    result = Result.FAILED if findings else Result.UNKNOWN if unknown else Result.PASSED
    rows = [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in checks]
    if output == "json":
        told = [{"rule": f"identity.{finding.rule}", "detail": finding.detail} for finding in findings]
        claims = _facts(verdict.path[0])
        click.echo(json_text({"result": result, "findings": told, "claims": claims, "checks": rows}))
        return result
    outcomes = {True: "passed", False: "failed", None: "unknown"}
    if output == "table":
        rows = [
            row | {"ok": text(f"cert.{outcomes[check.ok]}", language)} for row, check in zip(rows, checks, strict=True)
        ]
    headings = {"name": "check", "ok": "outcome", "detail": "detail"}
    print_rows({key: text(f"column.{name}", language) for key, name in headings.items()}, rows, output)
    if output == "table":
        click.echo(text(f"cert.chain.{result}", language))
    return result


def _number_check(verdict: Validated, number: str | None) -> list[Check]:
    """Whether the certificate speaks for the number that was asked about."""
    if number is None:
        return []
    if verdict.authority is None and verdict.by_reference_url is not None:
        return [Check("number", None, "TNAuthList is at a URL and was not fetched")]
    if not covers(verdict, number):
        return [Check("number", False, f"certificate does not speak for {number}")]
    listed = covers(verdict, number, spc_suffices=False)
    return [Check("number", True, "" if listed else "by the provider's code; its numbers are not listed")]


def _authority(spc: str, numbers: tuple[str, ...], ranges: tuple[str, ...], language: Language) -> TNAuthList:
    if bool(spc) == bool(numbers or ranges):
        raise click.UsageError(text("cert.spc_or_numbers", language))
    entries: list[Entry] = [*(One(_number(each)) for each in numbers), *map(_range, ranges)]
    try:
        return TNAuthList(tuple(entries) if not spc else (Spc(spc),))
    except MalformedError as error:
        raise click.UsageError(error.reason) from None


def _holder(certificate: x509.Certificate) -> tuple[str, str]:
    """Country and organisation of a CA that `init-ca` made."""
    found = [
        certificate.subject.get_attributes_for_oid(oid) for oid in (NameOID.COUNTRY_NAME, NameOID.ORGANIZATION_NAME)
    ]
    if not all(found):
        raise MalformedError("CA certificate has no country or organisation")
    return str(found[0][0].value), str(found[1][0].value)


def _number(text_: str) -> str:
    """Read a telephone number as people write it: its digits, without "+"."""
    digits = canonical_number(text_)
    if digits is None:
        raise click.BadParameter(f"{text_!a} is no telephone number")
    return digits


def _range(text_: str) -> Range:
    """Read FIRST-LAST, both of one length."""
    first, _, last = (part.strip().removeprefix("+") for part in text_.partition("-"))
    try:
        found = Range(first, int(last) - int(first) + 1)
    except ValueError:
        raise click.BadParameter(f"{text_!a} is no range of numbers; write FIRST-LAST") from None
    if found.last != last:
        raise click.BadParameter(f"{text_!a} is no range of numbers: both are of one length")
    return found


def _facts(certificate: x509.Certificate) -> dict[str, object]:
    """One certificate as a row."""
    said = profile.read(certificate)
    authority, allowed = said.authority, said.constraints
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "serial": f"{certificate.serial_number:x}",
        "not_before": _moment(said.not_before),
        "not_after": _moment(said.not_after),
        "ca": said.is_ca,
        "key": said.key.curve.name if said.key else None,
        "spc": list(authority.spcs) if authority else [],
        "authority": [_entry(entry) for entry in authority.entries if not isinstance(entry, Spc)] if authority else [],
        "must_include": list(allowed.must_include) if allowed else [],
        "permitted": [f"{name}={'|'.join(values)}" for name, values in allowed.permitted] if allowed else [],
        "must_exclude": list(allowed.must_exclude) if allowed else [],
        "by_reference": said.by_reference_url,
        "crl": list(crl.distribution_points(certificate)),
        "faults": [*said.faults, *([f"TNAuthList: {said.authority_fault}"] if said.authority_fault else [])],
    }


def _entry(entry: One | Range) -> str:
    return entry.number if isinstance(entry, One) else f"{entry.start}-{entry.last}"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _show_files(files: list[Path], output: str, language: Language) -> None:
    print_rows({"file": text("cert.column.file", language)}, [{"file": str(file)} for file in files], output)


@contextmanager
def _readable(*files: Path) -> Iterator[None]:
    """Say what is wrong with a file and leave with 1."""
    try:
        yield
    except OSError as error:
        _stop(f"{error.filename}: {error.strerror}")
    except MalformedError as error:
        names = ", ".join(map(str, files))
        _stop(f"{names}: {error.reason}" if names else error.reason)


def _stop(reason: str) -> NoReturn:
    click.echo(visible(reason), err=True)
    sys.exit(1)
