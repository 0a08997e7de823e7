"""Revocation of chains that are kept: which lists are looked at, and what follows when one cannot be had."""

from __future__ import annotations

import pytest

from stirshaken import crl
from stirshaken.certificates import Options, Trust
from stirshaken.fetch import Reason
from stirshaken.findings import Result
from tests.stirshaken import chains
from tests.stirshaken.chains import NOW, anchors, ca, distribution, leaf, pem, revocations
from tests.stirshaken.test_certificates import (
    CA,
    LEAF,
    OTHERS,
    PLAIN,
    REQUIRED,
    REVOKED,
    ROOT,
    X5U,
    Scene,
    revocation,
    tell,
)  # fmt: skip
from tests.stirshaken.test_references import CRL


@pytest.mark.parametrize(
    ("places", "options", "ok", "result"),
    [
        pytest.param({}, OTHERS, True, Result.PASSED, id="a-good-list"),
        pytest.param({CRL: REVOKED}, OTHERS, False, Result.FAILED, id="revoked"),
        pytest.param({CRL: Reason.STATUS}, OTHERS, None, Result.PASSED, id="no-list"),
        pytest.param({CRL: Reason.STATUS}, REQUIRED, None, Result.UNKNOWN, id="no-list-but-required"),
        pytest.param({X5U: pem(PLAIN, CA)}, OTHERS, None, Result.PASSED, id="no-place"),
        pytest.param({X5U: pem(PLAIN, CA)}, REQUIRED, None, Result.UNKNOWN, id="no-place-but-required"),
        pytest.param({CRL: revocations(CA, end=NOW - 5)}, OTHERS, None, Result.PASSED, id="outdated"),
        pytest.param({CRL: revocations(CA, end=NOW - 5)}, REQUIRED, None, Result.UNKNOWN, id="outdated-but-required"),
        pytest.param({CRL: revocations(CA, LEAF.certificate.serial_number, end=NOW - 5)}, OTHERS, False, Result.FAILED, id="outdated-and-revoked"),
        pytest.param({CRL: revocations(ca("Other"))}, REQUIRED, None, Result.UNKNOWN, id="of-another-issuer"),
        pytest.param({CRL: revocations(CA, LEAF.certificate.serial_number, signed_with="thief")}, OTHERS, None, Result.PASSED, id="forged"),
        pytest.param({CRL: b"rubbish"}, REQUIRED, None, Result.UNKNOWN, id="rubbish"),
        pytest.param({}, Options(require_revocation=True, fetch_lists=False), None, Result.UNKNOWN, id="fetching-is-off"),
    ],
)  # fmt: skip
def test_revocation(places: dict[str, bytes | Reason], options: Options, ok: bool | None, result: Result) -> None:
    async def story(scene: Scene) -> None:
        found = await scene.verdict()
        assert (revocation(found).ok, found.result) == (ok, result)

    tell(story, places, options=options)


UPPER = "https://crl.example/root.crl"
LISTED_CA = ca("Listed", ROOT, extra=(distribution(UPPER),))
BELOW = leaf(LISTED_CA, extra=(distribution(CRL),))


@pytest.mark.parametrize(
    ("upper", "options", "ok", "result"),
    [
        (revocations(ROOT), REQUIRED, True, Result.PASSED),
        (revocations(ROOT, LISTED_CA.certificate.serial_number), OTHERS, False, Result.FAILED),
        (Reason.STATUS, OTHERS, None, Result.PASSED),
        (Reason.STATUS, REQUIRED, None, Result.UNKNOWN),
        (revocations(ROOT, end=NOW - 5), REQUIRED, None, Result.UNKNOWN),
    ],
    ids=["good", "revoked", "no-list", "no-list-but-required", "outdated-but-required"],
)
def test_issuers_have_lists_too(upper: bytes | Reason, options: Options, ok: bool | None, result: Result) -> None:
    async def story(scene: Scene) -> None:
        found = await scene.verdict()
        assert (revocation(found).ok, found.result) == (ok, result)
        assert sorted(scene.net.asked[1:]) == [CRL, UPPER]

    tell(story, {X5U: pem(BELOW, LISTED_CA), CRL: revocations(LISTED_CA), UPPER: upper}, options=options)


def test_lists_from_files_count() -> None:
    async def story(scene: Scene) -> None:
        assert (await scene.verdict()).result is Result.FAILED
        assert scene.net.asked == [X5U]

    tell(story, trust=Trust(anchors(ROOT), crl.load(REVOKED)))


def test_who_may_sign_lists_that_are_fetched() -> None:
    authority = ca("Authority")
    signed = leaf(CA, extra=(distribution(CRL, authority),))
    entries = ((signed.certificate.serial_number, CA),)
    places: dict[str, bytes | Reason] = {
        X5U: pem(signed, CA), CRL: revocations(authority, place=chains.INDIRECT, of=entries)
    }  # fmt: skip

    async def story(scene: Scene) -> None:
        assert (await scene.verdict()).result is Result.PASSED  # nobody who is trusted signed the list
        scene.kept.replace(Trust(anchors(ROOT), crl_signers=(authority.certificate,)))
        assert (await scene.verdict()).result is Result.FAILED

    tell(story, places)
