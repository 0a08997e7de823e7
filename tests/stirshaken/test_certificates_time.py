"""When verdicts end, and what is done before: with a certificate, with a list, with a clock that is set."""

from __future__ import annotations

from stirshaken import crl
from stirshaken.certificates import Trust
from stirshaken.fetch import Reason
from stirshaken.findings import Result
from tests.stirshaken.chains import DAY, NOW, anchors, ca, leaf, pem, revocations
from tests.stirshaken.places import settle
from tests.stirshaken.test_certificates import CA, LEAF, REVOKED, ROOT, X5U, Scene, revocation, tell
from tests.stirshaken.test_references import CRL


def test_a_verdict_ends_with_the_list() -> None:
    async def story(scene: Scene) -> None:
        found = await scene.verdict()
        scene.net.places[CRL] = Reason.TIMEOUT
        assert scene.look(1700) is found
        await settle()
        assert scene.look(1801) is None
        assert revocation(await scene.get(1801)).ok is None

    tell(story, {CRL: revocations(CA, end=NOW + 1800)})


def test_a_verdict_ends_with_a_list_from_a_file() -> None:
    async def story(scene: Scene) -> None:
        assert revocation(await scene.get()).ok is True
        assert scene.look(599) is not None
        assert scene.look(601) is None

    tell(story, trust=Trust(anchors(ROOT), crl.load(revocations(CA, end=NOW + 600))))


def test_a_verdict_ends_with_the_first_certificate() -> None:
    short = ca("Short", ROOT, end=NOW + 900)

    async def story(scene: Scene) -> None:
        assert (await scene.verdict()).result is Result.PASSED
        assert scene.look(899) is not None
        assert scene.look(900) is None
        assert (await scene.verdict(901)).result is Result.FAILED

    tell(story, {X5U: pem(leaf(short), short)})


def test_one_whose_end_has_passed_is_not_fetched_for_every_call() -> None:
    old = ca("Old", ROOT, end=NOW - 900)

    async def story(scene: Scene) -> None:
        found = await scene.verdict()
        assert found.result is Result.FAILED
        for later in (0, 30, 59):
            assert await scene.get(later) is found
        assert scene.net.asked == [X5U]
        assert await scene.get(61) is not found

    tell(story, {X5U: pem(leaf(old), old)})


def test_a_new_list_is_fetched_before_the_old_one_ends() -> None:
    async def story(scene: Scene) -> None:
        found = await scene.verdict()
        scene.net.places[CRL] = revocations(CA, LEAF.certificate.serial_number, end=NOW + 2 * DAY)
        assert scene.look(1700) is found
        await settle()
        assert scene.look(1701) is found  # judged anew behind this call's back
        await settle()
        latest = scene.look(1702)
        assert revocation(latest).ok is False
        assert scene.net.asked == [X5U, CRL, CRL]

    tell(story, {CRL: revocations(CA, end=NOW + 1800)})


def test_a_list_that_was_missing_is_tried_again_behind_the_call() -> None:
    async def story(scene: Scene) -> None:
        found = await scene.verdict()
        scene.net.places[CRL] = REVOKED
        assert scene.look(59) is found
        await settle()
        assert scene.net.asked == [X5U, CRL]
        assert scene.look(61) is found
        await settle()
        assert revocation(scene.look(62)).ok is False

    tell(story, {CRL: Reason.STATUS})


def test_a_clock_that_was_fast_leaves_no_verdict_behind() -> None:
    async def story(scene: Scene) -> None:
        assert (await scene.verdict(20 * DAY)).result is Result.FAILED  # expired, it seems
        assert (await scene.verdict(0)).result is Result.PASSED

    tell(story, {X5U: pem(leaf(CA, end=NOW + 30 * DAY), CA), CRL: revocations(CA, end=NOW + 30 * DAY)})


def test_a_list_that_was_missing_is_tried_again_after_the_clock_was_set_back() -> None:
    async def story(scene: Scene) -> None:
        assert revocation(await scene.get(DAY)).ok is None
        scene.net.places[CRL] = REVOKED
        scene.look(0)
        await settle()
        assert revocation(scene.look(1)).ok is False

    tell(story, {CRL: Reason.STATUS})
