"""What certificates refer to: which URLs are asked, what is kept for how long, what a failure leaves behind."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

import pytest
from cryptography import x509

from stirshaken import crl, tnauthlist
from stirshaken.certificate import Validated, validate
from stirshaken.fetch import Reason
from stirshaken.hierarchy import Holder
from stirshaken.references import Needed, Options, References, needed
from stirshaken.tnauthlist import One, TNAuthList
from tests.stirshaken import chains
from tests.stirshaken.chains import DAY, NOW, anchors, ca, chain, distribution, leaf, revocations
from tests.stirshaken.places import Clock, Net, settle

ROOT = ca("Root")
CRL = "https://crl.example/ca.crl"
UPPER = "https://crl.example/root.crl"
NUMBERS = "https://numbers.example/list"
CA = ca("CA", ROOT, extra=(distribution(UPPER),))
BY_REFERENCE = (
    x509.AuthorityInformationAccess(
        [x509.AccessDescription(x509.ObjectIdentifier("1.3.6.1.5.5.7.48.14"), x509.UniformResourceIdentifier(NUMBERS))]
    ),
    False,
)
LISTED = tnauthlist.encode(TNAuthList((One("15551234500"),)))


def judged(holder: Holder, *, trusted: bool = True) -> Validated:
    return validate(chain(holder, CA), anchors(ROOT if trusted else ca("Stranger")), NOW)


def places(*urls: str) -> Holder:
    points = [x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None) for url in urls]
    return leaf(CA, extra=((x509.CRLDistributionPoints(points), False),))


MANY = tuple(f"https://crl.example/{n}" for n in range(5))


@pytest.mark.parametrize(
    ("holder", "options", "expected"),
    [
        pytest.param(places(CRL), Options(), Needed((CRL, UPPER)), id="leaf-and-issuer"),
        pytest.param(leaf(CA), Options(), Needed((UPPER,)), id="issuer-alone"),
        pytest.param(places("http://crl.example/a"), Options(), Needed((UPPER,)), id="no-http"),
        pytest.param(places("http://crl.example/a"), Options(plain_http=True), Needed(("http://crl.example/a", UPPER)), id="http-where-wanted"),
        pytest.param(places(*MANY), Options(), Needed((*MANY[:2], UPPER)), id="two-of-many"),
        pytest.param(places("ldap://crl.example/a"), Options(plain_http=True), Needed((UPPER,)), id="no-other-scheme"),
        pytest.param(places(CRL), Options(fetch_lists=False), None, id="not-wanted"),
        pytest.param(places(UPPER), Options(), Needed((UPPER,)), id="each-once"),
        pytest.param(leaf(CA, entries=(), extra=(BY_REFERENCE,)), Options(), Needed((UPPER,), NUMBERS), id="numbers"),
        pytest.param(leaf(CA, entries=(), extra=(BY_REFERENCE,)), Options(fetch_lists=False), Needed((), NUMBERS), id="numbers-alone"),
        pytest.param(leaf(CA, extra=(BY_REFERENCE,)), Options(), Needed((UPPER,)), id="numbers-are-there-already"),
    ],
)  # fmt: skip
def test_what_is_fetched(holder: Holder, options: Options, expected: Needed | None) -> None:
    assert needed(judged(holder), (), NOW, options) == expected


def test_a_long_chain_has_no_more_than_eight() -> None:
    def two(level: int) -> tuple[tuple[x509.ExtensionType, bool], ...]:
        urls = [x509.UniformResourceIdentifier(f"https://crl.example/{level}{side}") for side in "ab"]
        return ((x509.CRLDistributionPoints([x509.DistributionPoint([url], None, None, None) for url in urls]), False),)

    issuers = [ROOT]
    for level in range(4):
        issuers.append(ca(f"CA {level}", issuers[-1], extra=two(level)))
    last = leaf(issuers[-1], extra=two(9))
    wanted = needed(validate(chain(last, *issuers[:0:-1]), anchors(ROOT), NOW), (), NOW, Options())
    assert wanted is not None
    assert wanted.lists == tuple(
        f"https://crl.example/{name}" for name in ("9a", "9b", "3a", "3b", "2a", "2b", "1a", "1b")
    )


def test_a_stranger_chooses_no_url() -> None:
    assert needed(judged(places(CRL), trusted=False), (), NOW, Options()) is None


def test_a_list_from_a_file_spares_a_fetch_while_it_is_good() -> None:
    files = crl.load(revocations(CA))
    assert needed(judged(places(CRL)), files, NOW, Options()) == Needed((UPPER,))
    assert needed(judged(places(CRL)), files, NOW + 2 * DAY, Options()) == Needed((CRL, UPPER))


Story = Callable[[References, Net, Clock], Awaitable[None]]


def tell(story: Story, **places: bytes | Reason) -> None:
    async def run() -> None:
        net, clock = Net({CRL: places.get("crl", revocations(CA)), NUMBERS: places.get("numbers", LISTED)}), Clock()
        references = References(net, clock)
        try:
            await story(references, net, clock)
        finally:
            await references.aclose()

    asyncio.run(run())


def test_fetched_and_kept() -> None:
    async def story(references: References, net: Net, clock: Clock) -> None:
        wanted = Needed((CRL,), NUMBERS)
        found = await references.obtain(wanted, NOW, None)
        assert [each.issuer for each in found.crls] == [CA.certificate.subject]
        assert found.numbers == TNAuthList((One("15551234500"),))
        assert found.incomplete is False
        assert found.moved(NOW + 1) is False
        again = await references.obtain(wanted, NOW + 1, None)
        assert (again.crls, net.asked) == (found.crls, [CRL, NUMBERS])
        assert references.statistics.fetches == {"loaded": 1}

    tell(story)


@pytest.mark.parametrize(
    ("end", "seconds"),
    [(NOW + DAY / 2, DAY / 2), (NOW + 600, 600), (NOW - 600, 60), (None, 7 * DAY)],
    ids=["until-nextUpdate", "soon", "outdated-a-moment", "without-nextUpdate-a-week"],
)
def test_how_long_a_list_is_used(end: float | None, seconds: float) -> None:
    async def story(references: References, net: Net, clock: Clock) -> None:
        net.headers = ((b"Cache-Control", b"no-store"),)  # has no say
        found = await references.obtain(Needed((CRL,)), NOW, None)
        assert found.until - NOW == pytest.approx(seconds, abs=1)

    tell(story, crl=revocations(CA, end=end) if end else chains.crl_without_end(CA))


def test_a_list_in_use_is_looked_for_anew_each_hour() -> None:
    async def story(references: References, net: Net, clock: Clock) -> None:
        found = await references.obtain(Needed((CRL,)), NOW, None)
        net.places[CRL] = revocations(CA, 7)
        clock.now = NOW + 3500
        assert found.moved(clock.now) is False  # begins the fetch
        await settle()
        assert found.moved(clock.now) is True
        newer = await references.obtain(Needed((CRL,)), clock.now, None)
        assert (newer.moved(clock.now), len(newer.crls[0].entries)) == (False, 1)

    tell(story)


def test_a_failed_refresh_leaves_the_list() -> None:
    async def story(references: References, net: Net, clock: Clock) -> None:
        found = await references.obtain(Needed((CRL,)), NOW, None)
        net.places[CRL] = Reason.TIMEOUT
        for later in (3700, 7300, 20_000):
            assert found.moved(NOW + later) is False
            await settle()
        assert len(net.asked) == 4
        assert (await references.obtain(Needed((CRL,)), NOW + DAY - 60, None)).crls == found.crls

    tell(story, crl=revocations(CA, end=NOW + DAY))


@pytest.mark.parametrize("body", [Reason.STATUS, Reason.REFUSED_URL, b"no list", b""], ids=str)
def test_what_cannot_be_had(body: bytes | Reason) -> None:
    async def story(references: References, net: Net, clock: Clock) -> None:
        found = await references.obtain(Needed((CRL,), NUMBERS), NOW, None)
        assert (found.crls, found.numbers, found.incomplete, found.until) == ((), None, True, math.inf)
        assert found.moved(NOW + 1) is False

    tell(story, crl=body, numbers=body)


def test_one_that_is_slow_is_waited_for_no_longer_than_wanted() -> None:
    async def story(references: References, net: Net, clock: Clock) -> None:
        net.held[CRL] = asyncio.Event()
        found = await references.obtain(Needed((CRL,), NUMBERS), NOW, 0.02)
        assert (found.crls, found.numbers is None, found.incomplete) == ((), False, True)
        net.held[CRL].set()
        await settle()
        assert found.moved(NOW + 1) is True
        assert len((await references.obtain(Needed((CRL,)), NOW + 1, None)).crls) == 1
        assert net.asked.count(CRL) == 1

    tell(story)


def test_numbers_are_kept_as_http_says() -> None:
    async def story(references: References, net: Net, clock: Clock) -> None:
        net.headers = ((b"Cache-Control", b"max-age=7200, must-revalidate"),)
        found = await references.obtain(Needed((), NUMBERS), NOW, None)
        assert found.until - NOW == pytest.approx(7200, abs=1)

    tell(story)
