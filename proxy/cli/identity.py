"""trunkward identity: signs calls, verifies Identity fields, shows what stands in them (RFC 8224)."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import click
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from proxy.cli.language import Language, lang_option, pick
from proxy.cli.moment import at_option
from proxy.cli.table import json_line, json_text, output_option, print_rows, visible
from proxy.settings.catalogue import text
from stirshaken import base64url, canonical, claims, identity, passport, x5u
from stirshaken.certificate import Anchors, Validated, load_anchors, load_chain, validate
from stirshaken.claims import SignedCall
from stirshaken.errors import MalformedError
from stirshaken.fetch import Fetcher, FetchError
from stirshaken.findings import Result
from stirshaken.numbers import Identifier, canonical_number, of_uri
from stirshaken.sign import Signer
from stirshaken.verify import Identity, Verification, needs, verify

FAILED: Final = 3
MAX_FILE: Final = 1 << 20  # octets; the largest of these files are some KiB
FILE: Final = click.Path(path_type=Path, dir_okay=False)
LEVEL: Final = click.Choice(claims.LEVELS)


@click.group("identity")
def command() -> None:
    """Sign calls, verify and show Identity fields."""


def _party(_ctx: click.Context, _param: click.Parameter, value: Any) -> Any:
    """Read one number or URI, or each of several."""
    return tuple(map(_identifier, value)) if isinstance(value, tuple) else _identifier(value)


def _identifier(value: str) -> Identifier:
    number = canonical_number(value)
    try:
        return Identifier("tn", number) if number is not None else of_uri(value)
    except MalformedError:
        raise click.BadParameter(f"{value!a} is neither a telephone number nor a URI") from None


orig_option = click.option("--orig", metavar="NUMBER", required=True, callback=_party, help="Who calls.")
dest_option = click.option(
    "--dest", metavar="NUMBER", required=True, multiple=True, callback=_party, help="Who is called; may be repeated."
)


@command.command("sign")
@click.option("--key", type=FILE, required=True, help="Private key, P-256, PEM.")
@click.option("--certificate-url", "url", required=True, help="Where the certificate is (x5u).")
@orig_option
@dest_option
@click.option("--attest", type=LEVEL, required=True, help="Level of attestation.")
@click.option("--origid", type=click.UUID, help="Where the call came from, a UUID (default: a new one).")
@at_option
@lang_option
def sign_command(
    key: Path,
    url: str,
    orig: Identifier,
    dest: tuple[Identifier, ...],
    attest: str,
    origid: uuid.UUID | None,
    at: float,
    lang: str | None,
) -> None:
    """Sign a call: print the value of its Identity field."""
    language = pick(lang)
    octets = _read(key, language)
    try:
        signer = Signer(load_pem_private_key(octets, password=None), url)
        value = signer.shaken(orig, dest, attest, str(origid or uuid.uuid4()), at)
    except MalformedError as error:
        _stop(error.reason)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        _stop(text("identity.no_key", language, file=key))
    _warn(url, language)
    click.echo(value)


@command.command("verify")
@click.option(
    "--identity",
    "given",
    metavar="TEXT|@FILE",
    required=True,
    multiple=True,
    help="Value of an Identity field; may be repeated.",
)
@orig_option
@dest_option
@click.option("--anchors", type=FILE, required=True, multiple=True, help="PEM file of trust anchors; may be repeated.")
@click.option("--certificate", type=FILE, help="PEM file of the chain, leaf first, instead of fetching x5u.")
@click.option(
    "--max-age", type=click.FloatRange(0, 86400), default=60, show_default=True, help="Seconds that iat may be off."
)
@click.option("--attestation", type=LEVEL, help="The lowest level that will do.")
@at_option
@output_option
@lang_option
def verify_command(
    given: tuple[str, ...],
    orig: Identifier,
    dest: tuple[Identifier, ...],
    anchors: tuple[Path, ...],
    certificate: Path | None,
    max_age: float,
    attestation: str | None,
    at: float,
    output: str,
    lang: str | None,
) -> None:
    """Verify the Identity fields of a call. Exit 3 when none is good, or when that cannot be known."""
    language = pick(lang)
    values = identity_values(given, language)
    try:
        trusted = load_anchors(*(_read(file, language) for file in anchors))
        chain = load_chain(_read(certificate, language)) if certificate is not None else None
    except MalformedError as error:
        _stop(error.reason)
    if chain is not None:
        certificates: Mapping[str, Validated | str] = dict.fromkeys(_urls(values), validate(chain, trusted, at))
    else:
        certificates = asyncio.run(fetched(needs(values), trusted, at))
    found = verify(
        SignedCall(orig, dest, fingerprints=None), values, certificates, at, max_age, attestation=attestation or ""
    )
    _print_verification(found, output, language)
    sys.exit(0 if found.result is Result.PASSED else FAILED)


@command.command("decode")
@click.argument("given", metavar="TEXT|@FILE", nargs=-1)
@click.option("--identity", "more", metavar="TEXT|@FILE", multiple=True, help="The same as an option.")
@output_option
@lang_option
def decode_command(given: tuple[str, ...], more: tuple[str, ...], output: str, lang: str | None) -> None:
    """Show what stands in Identity fields; nothing is verified. Exit 1 when one is malformed."""
    language = pick(lang)
    if not (given or more):
        raise click.UsageError(text("identity.nothing", language))
    decoded = [_decoded(value) for value in identity_values((*given, *more), language)]
    if output == "json":
        click.echo(json_text(decoded[0] if len(decoded) == 1 else decoded))
    else:
        rows = [{"key": key, "value": value} for each in decoded for key, value in _flat(each)]
        print_rows({name: text(f"column.{name}", language) for name in ("key", "value")}, rows, output)
    faults = [str(each["fault"]) for each in decoded if each["fault"]]
    for fault in faults:
        click.echo(visible(fault), err=True)
    sys.exit(1 if faults else 0)


async def fetched(
    urls: Iterable[str], anchors: Anchors, at: float, fetcher: Fetcher | None = None
) -> dict[str, Validated | str]:
    """Fetch and judge the chains at some URLs; where there is none, the reason is given instead."""
    async with fetcher or Fetcher() as used:
        return {url: await _chain(used, url, anchors, at) for url in urls}


async def _chain(fetcher: Fetcher, url: str, anchors: Anchors, at: float) -> Validated | str:
    try:
        return validate(load_chain((await fetcher.fetch(url)).body), anchors, at)
    except FetchError as error:
        return error.reason
    except MalformedError:
        return "unusable"


def identity_values(given: Sequence[str], language: Language) -> list[bytes]:
    """Read the values of TEXT or @FILE, in which each line is one Identity field; its name may stand before it."""
    lines = [line for each in given for line in _lines(each, language)]
    return [value for line in lines for value in _split(line)]


def _lines(given: str, language: Language) -> list[bytes]:
    octets = _read(Path(given[1:]), language) if given.startswith("@") else given.encode(errors="surrogateescape")
    lines = [line.strip(b" \t\r") for line in octets.split(b"\n")]
    return [line for line in lines if line] or [b""]


def _split(line: bytes) -> list[bytes]:
    """Part the values of a line; what cannot be parted is one value, and judged as such."""
    name, colon, rest = line.partition(b":")
    value = rest.strip(b" \t") if colon and name.strip(b" \t").lower() in (b"identity", b"y") else line
    try:
        return identity.split(value) or [value]
    except MalformedError:
        return [value]


def _urls(values: Iterable[bytes]) -> set[str]:
    """Every URL that a value names, whatever is wrong with it: a chain that is given stands for all of them."""
    headers = [claims.peek(value.partition(b";")[0].strip(b" \t"))[0] for value in values]
    return {*needs(list(values)), *(str(header["x5u"]) for header in headers if "x5u" in header)}


def _print_verification(found: Verification, output: str, language: Language) -> None:
    if output == "json":
        click.echo(json_text(_as_dict(found)))
        return
    if output == "csv":
        print_rows({key: key for key in ("name", "ok", "detail")}, _rows(found.decisive), output)
        return
    for each in found.identities:
        _print_identity(each, language)
    for finding in found.findings:
        click.echo(f"identity.{finding.rule}: {visible(finding.detail)}")
    click.echo(text(f"identity.{found.result}", language))


def _print_identity(each: Identity, language: Language) -> None:
    headings = {"name": "check", "ok": "outcome", "detail": "detail"}
    if each.claims:
        rows = [{"key": key, "value": _shown(value)} for key, value in each.claims.items()]
        print_rows({name: text(f"column.{name}", language) for name in ("key", "value")}, rows)
        click.echo()
    outcomes = {True: "good", False: "bad", None: "open"}
    rows = [row | {"ok": text(f"identity.{outcomes[row['ok']]}", language)} for row in _rows(each)]
    print_rows({key: text(f"column.{name}", language) for key, name in headings.items()}, rows)
    click.echo()


def _as_dict(found: Verification) -> dict[str, object]:
    decisive = found.decisive
    return {
        "result": found.result,
        "findings": [{"rule": f"identity.{each.rule}", "detail": each.detail} for each in found.findings],
        "claims": decisive.claims if decisive is not None else {},
        "checks": _rows(decisive),
        "identities": [
            {
                "result": "ignored" if each.ignored else each.result,
                "ppt": each.ppt,
                "findings": [{"rule": f"identity.{one.rule}", "detail": one.detail} for one in each.findings],
                "claims": each.claims,
                "checks": _rows(each),
            }
            for each in found.identities
        ],
    }


def _rows(each: Identity | None) -> list[dict[str, Any]]:
    checks = each.checks if each is not None else ()
    return [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in checks]


def _decoded(value: bytes) -> dict[str, object]:
    """What stands in a value, and what is wrong with its form."""
    token = value.partition(b";")[0].strip(b" \t")
    header, body = claims.peek(token)
    said: dict[str, object] = {"info": None, "alg": None, "ppt": None, "params": {}, "header": header, "claims": body}
    said |= {"signature": token.rpartition(b".")[2].decode("ascii", "backslashreplace"), "canonical": _canonical(token)}
    try:
        read = identity.parse(value)
        said |= {"info": read.info, "alg": read.alg, "ppt": read.ppt, "params": dict(read.params)}
        if not read.compact:
            passport.decode(read.token)
    except MalformedError as error:
        return said | {"fault": error.reason}
    return said | {"fault": None}


def _canonical(token: bytes) -> bool:
    """Whether header and claims are written in the one form of RFC 8225 §9; a compact token leaves them out."""
    try:
        return all(canonical.is_canonical(base64url.decode(part)) for part in token.split(b".")[:2] if part)
    except MalformedError:
        return False


def _flat(said: Mapping[str, object], above: str = "") -> list[tuple[str, object]]:
    """The members of `header`, `claims` and `params`, each in a row of its own."""
    rows: list[tuple[str, object]] = []
    for key, value in said.items():
        if isinstance(value, dict) and not above:
            rows += _flat(value, f"{key}.")
        else:
            rows.append((f"{above}{key}", _shown(value)))
    return rows


def _shown(value: object) -> object:
    return value if value is None or isinstance(value, str | bool | int) else json_line(value)


def _read(file: Path, language: Language) -> bytes:
    """Read a file; say what is wrong with it and leave with 1."""
    try:
        with file.open("rb") as opened:
            octets = opened.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:
        _stop(f"{file}: {error.strerror if isinstance(error, OSError) else error}")
    if len(octets) > MAX_FILE:
        _stop(text("identity.too_large", language, file=file))
    return octets


def _warn(url: str, language: Language) -> None:
    try:
        x5u.parse(url)
    except MalformedError as error:
        click.echo(text("identity.odd_url", language, reason=error.reason), err=True)


def _stop(reason: str) -> NoReturn:
    click.echo(visible(reason), err=True)
    sys.exit(1)
