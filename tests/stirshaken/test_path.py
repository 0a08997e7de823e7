"""Chains and trust anchors read from PEM, and the way from one to the other."""

from __future__ import annotations

import base64
import time

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from stirshaken import path
from stirshaken.certificate import validate
from stirshaken.errors import MalformedError
from tests.stirshaken.chains import NOW, anchors, ca, chain, leaf, pem

ROOT = ca("Root")
CA = ca("CA", ROOT)
LEAF = leaf(CA)
KEY = LEAF.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("octets", "count"),
    [
        pytest.param(pem(LEAF), 1, id="leaf"),
        pytest.param(pem(LEAF, CA, ROOT), 3, id="whole-chain"),
        pytest.param(b"subject=SHAKEN\n" + pem(LEAF) + b"issuer=CA\n" + pem(CA), 2, id="text-between"),
        pytest.param(pem(*[LEAF] * path.MAX_CHAIN), 10, id="as-many-as-allowed"),
    ],
)
def test_chain(octets: bytes, count: int) -> None:
    found = path.load_chain(octets)
    assert (len(found), found[0]) == (count, LEAF.certificate)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>404</html>", id="a-page"),
        pytest.param(pem(*[LEAF] * 11), id="too-many"),
        pytest.param(pem(LEAF) + KEY, id="private-key"),
        pytest.param(pem(LEAF)[:-30], id="cut-off"),
        pytest.param(pem(LEAF) + b"-----BEGIN JUNK-----", id="junk-behind-it"),
        pytest.param(pem(LEAF) + b" " * path.MAX_CHAIN_OCTETS, id="too-large"),
        pytest.param(LEAF.certificate.public_bytes(Encoding.DER), id="der"),
        pytest.param(b"-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----", id="no-body"),
        pytest.param(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", id="no-certificate"),
        pytest.param(b"-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----", id="no-base64"),
        pytest.param(b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----", id="revocation-list"),
    ],
)
def test_no_chain(octets: bytes) -> None:
    with pytest.raises(MalformedError):
        path.load_chain(octets)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("serial", ["0208ff11223344556677", "02080000000000000000"])
def test_serial_number_below_one(serial: str) -> None:
    octets = leaf(CA, serial=0x7F11223344556677).certificate.public_bytes(Encoding.DER)
    assert len(path.load_chain(as_pem(octets))) == 1
    with pytest.raises(MalformedError):
        path.load_chain(as_pem(octets.replace(bytes.fromhex("02087f11223344556677"), bytes.fromhex(serial))))


def as_pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


@given(st.binary(min_size=1, max_size=4), st.integers(0, len(LEAF.certificate.public_bytes(Encoding.DER)) - 4))
def test_altered_certificates_are_read_or_malformed(octets: bytes, at: int) -> None:
    der = LEAF.certificate.public_bytes(Encoding.DER)
    try:
        (found,) = path.load_chain(as_pem(der[:at] + octets + der[at + len(octets) :]))
    except MalformedError as error:
        assert error.reason.isascii()
        return
    validate((found, CA.certificate), anchors(ROOT), NOW)  # whatever it says, it is judged


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        pytest.param([], "there is no trust anchor", id="no-file"),
        pytest.param([b""], "there must be 1 to 1000 certificates", id="empty-file"),
        pytest.param([pem(ROOT), b"x"], "there must be 1 to 1000 certificates", id="second-file-empty"),
        pytest.param([pem(ROOT, LEAF)], "trust anchor is no CA certificate; trust anchor has no keyUsage keyCertSign", id="leaf-among-them"),
        pytest.param([pem(ROOT) + KEY], "PEM file holds something else than whole certificates and revocation lists", id="private-key"),
    ],
)  # fmt: skip
def test_anchors_are_loaded_all_or_none(files: list[bytes], reason: str) -> None:
    with pytest.raises(MalformedError) as caught:
        path.load_anchors(*files)
    assert caught.value.reason == reason


def test_anchors() -> None:
    assert path.load_anchors(pem(ROOT, CA), pem(ROOT)).certificates == chain(ROOT, CA)


def test_path() -> None:
    assert path.build(chain(LEAF, CA), anchors(ROOT), NOW) == path.Path(chain(LEAF, CA, ROOT), True, "")
    cut = path.build(chain(LEAF), anchors(ROOT), NOW)
    assert cut == path.Path(chain(LEAF), False, "no path to a trust anchor")


def test_renewed_anchor() -> None:
    old = ca("Root", end=NOW - 1)
    built = path.build(chain(LEAF, CA), anchors(old, ROOT), NOW)
    assert (built.certificates[-1], built.fault) == (ROOT.certificate, "")


def test_certificates_that_go_round_end_soon() -> None:
    ring = [ca("Ring", key="ring", serial=number) for number in range(1, 10)]
    signed = leaf(ring[0])
    begun = time.process_time()
    built = path.build(chain(signed, *ring), anchors(ROOT), NOW)
    assert built.certificates == chain(signed, ring[0])
    assert time.process_time() - begun < 1  # 9! ways would take weeks


@pytest.mark.parametrize("now", [-1e18, 1e18, -1.0, 0.0])
def test_moments_far_away(now: float) -> None:
    assert path.build(chain(LEAF, CA), anchors(ROOT), now).fault.startswith("validation failed")


def test_issued() -> None:
    assert path.issued(LEAF.certificate, CA.certificate)
    assert not path.issued(LEAF.certificate, ROOT.certificate)
    assert not path.issued(LEAF.certificate, ca("CA", key="impostor").certificate)
