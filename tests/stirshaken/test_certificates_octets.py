"""Whatever stands at the places that are fetched: a verdict comes out, and nothing raises."""

from __future__ import annotations

import asyncio
import base64

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stirshaken import crl
from stirshaken.certificate import Validated
from stirshaken.certificates import Certificates, Options, Trust
from stirshaken.errors import MalformedError
from tests.stirshaken import chains
from tests.stirshaken.chains import NOW, anchors, ca, distribution, leaf, revocations
from tests.stirshaken.places import Clock, Net
from tests.stirshaken.test_references import BY_REFERENCE, CRL, LISTED, NUMBERS

X5U = "https://cert.example/a.pem"
ROOT = ca("Root")
CA = ca("CA", ROOT)
TRUST = Trust(anchors(ROOT))
OCTETS = {
    "leaf": leaf(CA, entries=(), extra=(BY_REFERENCE, distribution(CRL))).certificate.public_bytes(Encoding.DER),
    "issuer": CA.certificate.public_bytes(Encoding.DER),
    "list": revocations(CA, 5),
    "indirect": revocations(ca("Authority"), place=chains.INDIRECT, of=((5, CA),)),
    "numbers": LISTED,
}
GENUINE = {OCTETS["leaf"], OCTETS["issuer"], ROOT.certificate.public_bytes(Encoding.DER)}


def pem(octets: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(octets) + b"-----END CERTIFICATE-----\n"


def judged(**changed: bytes) -> Validated | str:
    parts = {**OCTETS, **changed}
    listed = parts["indirect"] if "indirect" in changed else parts["list"]

    async def run() -> Validated | str:
        net = Net({X5U: pem(parts["leaf"]) + pem(parts["issuer"]), CRL: listed, NUMBERS: parts["numbers"]})
        async with Certificates(net, TRUST, Clock(), options=Options(require_revocation=True)) as kept:
            return await kept.get(X5U, NOW)

    return asyncio.run(run())


def test_unchanged_they_pass() -> None:
    found = judged()
    assert isinstance(found, Validated)
    assert found.result == "passed"


@st.composite
def altered(draw: st.DrawFn) -> tuple[str, bytes]:
    """One of them with some octets changed, put in or left out."""
    name = draw(st.sampled_from(sorted(OCTETS)))
    octets = bytearray(OCTETS[name])
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(octets) - 1))
        octets[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return name, bytes(octets)


@settings(max_examples=300, deadline=None)
@given(altered())
@example(("list", OCTETS["list"].replace(b"\x02\x01\x01", b"\x02\x01\x10", 1)))  # a version that is none
def test_altered_octets_raise_nothing(change: tuple[str, bytes]) -> None:
    name, octets = change
    found = judged(**{name: octets})
    assert isinstance(found, Validated | str)
    if isinstance(found, Validated) and found.result == "passed":
        assert {each.public_bytes(Encoding.DER) for each in found.path} == GENUINE


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(OCTETS)), st.binary(max_size=60))
def test_any_octets_raise_nothing(name: str, octets: bytes) -> None:
    assert isinstance(judged(**{name: octets}), Validated | str)


def test_a_list_of_no_version_is_malformed() -> None:
    with pytest.raises(MalformedError, match="cannot be read"):
        crl.load(OCTETS["list"].replace(b"\x02\x01\x01", b"\x02\x01\x10", 1))
