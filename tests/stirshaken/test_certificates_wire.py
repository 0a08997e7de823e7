"""Chains, lists and numbers over real connections: all that a call's verdict needs, each asked for once."""

from __future__ import annotations

import asyncio

import trustme
from cryptography import x509

from stirshaken.certificate import Validated
from stirshaken.certificates import Certificates, Trust
from stirshaken.fetch import LISTS, Fetcher, Limits
from stirshaken.findings import Check, Result, Rule
from stirshaken.tnauthlist import One, TNAuthList, encode
from stirshaken.x5u import Allowed
from tests.stirshaken.chains import NOW, anchors, ca, distribution, leaf, pem, revocations
from tests.stirshaken.https import HOST, context, says, serving, trusting
from tests.stirshaken.places import Clock

WEB = trustme.CA()
ROOT = ca("Root")
CA = ca("CA", ROOT)


def answer(body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def fetcher(port: int, limits: Limits, accept: str = "") -> Fetcher:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    allowed = Allowed(frozenset({(HOST, port)}), private=True)
    more = {"accept": accept} if accept else {}
    return Fetcher(resolve=resolve, ssl_context=trusting(WEB), allowed=allowed, limits=limits, **more)


def signer(port: int) -> tuple[bytes, x509.Certificate]:
    """A chain whose list and numbers are at places of that server."""
    place = x509.UniformResourceIdentifier(f"https://{HOST}:{port}/numbers")
    access = x509.AccessDescription(x509.ObjectIdentifier("1.3.6.1.5.5.7.48.14"), place)
    extra = ((x509.AuthorityInformationAccess([access]), False), distribution(f"https://{HOST}:{port}/ca.crl"))
    holder = leaf(CA, entries=(), extra=extra)
    return pem(holder, CA), holder.certificate


def verdicts(*, revoked: bool) -> tuple[list[Validated | str], list[bytes]]:
    async def run() -> tuple[list[Validated | str], list[bytes]]:
        ways = {}
        async with serving(context(WEB), ways) as seen:
            chain, certificate = signer(seen.port)
            serials = [certificate.serial_number] if revoked else list(range(1, 4000))  # larger than any chain may be
            ways["/a.pem"] = says(answer(chain))
            ways["/ca.crl"] = says(answer(revocations(CA, *serials)))
            ways["/numbers"] = says(answer(encode(TNAuthList((One("15551234500"),)))))
            async with (
                fetcher(seen.port, Limits()) as chains,
                fetcher(seen.port, Limits(body=1 << 20, chunks=4096), LISTS) as lists,
                Certificates(chains.fetch, Trust(anchors(ROOT)), Clock(), fetch_list=lists.fetch) as kept,
            ):
                url = f"https://{HOST}:{seen.port}/a.pem"
                found = await asyncio.gather(*(kept.get(url, NOW, f"trunk {n}") for n in range(20)))
                assert kept.lookup(url, NOW + 1) is found[0]
                return found, seen.requests

    return asyncio.run(run())


def test_one_request_each_for_many_calls() -> None:
    found, requests = verdicts(revoked=False)
    (one,) = {id(each): each for each in found}.values()
    assert isinstance(one, Validated)
    assert (one.result, Check("revocation", True) in one.checks) == (Result.PASSED, True)
    assert one.authority is not None
    assert one.authority.covers("15551234500")
    assert sorted(request.split()[1] for request in requests) == [b"/a.pem", b"/ca.crl", b"/numbers"]
    assert [LISTS.encode() in request for request in requests] == [False, True, True]


def test_revoked() -> None:
    found, _ = verdicts(revoked=True)
    assert isinstance(found[0], Validated)
    assert [each.rule for each in found[0].findings] == [Rule.REVOKED]
