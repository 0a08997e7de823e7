"""From settings and files to the two services; certificates come from a repository on loopback."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import Encoding

from proxy.call.signed import signed_call
from proxy.settings.identity_model import Identity
from proxy.sources.identity_files import NO_FILES, IdentityFiles
from proxy.sources.identity_services import authentication_of, certificate_ends, verifier_of
from stirshaken import identity, passport
from stirshaken.hierarchy import Validity, name, new_key, revocation_list, root
from stirshaken.replay import Replays
from stirshaken.verify import Verification
from tests.checks.calls import call
from tests.checks.signed import signed
from tests.sources.identity import Clock, chain, key_pem, pem
from tests.stirshaken.https import context, says, serving
from tests.stirshaken.scene import NOW, X5U, YEAR, hierarchy, party, rules

CA = trustme.CA()
ANCHORS = (pem(hierarchy().root.certificate),)
FILES = IdentityFiles(ANCHORS, ca=CA.cert_pem.bytes())
BODY = chain(party())
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nCache-Control: max-age=600\r\n\r\n" % len(BODY) + BODY
LAB: dict[str, Any] = {"allow": ["127.0.0.1:{port}"], "private": True}


def revoked(*serials: int) -> bytes:
    """The list of the issuer, with its certificate."""
    issuer = hierarchy().issuer
    made = revocation_list(issuer, [(serial, NOW) for serial in serials], 1, Validity(YEAR.start, 365))
    return made.public_bytes(Encoding.PEM) + pem(issuer.certificate)


def found(
    files: IdentityFiles, said: dict[str, Any], token: dict[str, Any] | None = None, **call_: Any
) -> Verification:
    """What becomes of a call whose certificate is in a repository on loopback, an hour's tour of all parts."""

    async def script() -> Verification:
        async with serving(context(CA, "127.0.0.1"), says(ANSWER)) as seen:
            allow = {**LAB, **said.pop("repositories", {})}
            hosts = [host.format(port=seen.port) for host in allow["allow"]]
            settings = Identity.model_validate({**said, "repositories": {**allow, "allow": hosts}})
            service = verifier_of(settings, files, Clock())
            assert service is not None
            asked = replace(signed(party().value(token, x5u=f"https://127.0.0.1:{seen.port}/sp.pem")), **call_)
            try:
                return await service.in_time(asked, signed_call(asked), "")
            finally:
                await service.aclose()

    return asyncio.run(script())


@pytest.mark.parametrize(
    ("files", "said", "result", "broken"),
    [
        pytest.param(FILES, {}, "passed", set(), id="good"),
        pytest.param(replace(FILES, ca=b""), {}, "unknown", {"unreachable"}, id="https-server-of-an-unknown-ca"),
        pytest.param(FILES, {"repositories": {"private": False}}, "unknown", {"unreachable"}, id="private-address"),
        pytest.param(FILES, {"repositories": {"allow": []}}, "failed", {"invalid"}, id="port-that-is-not-allowed"),
        pytest.param(replace(FILES, anchors=(CA.cert_pem.bytes(),)), {}, "failed", {"untrusted"}, id="another-anchor"),
        pytest.param(replace(FILES, crls=(revoked(1),)), {}, "passed", set(), id="not-revoked"),
        pytest.param(replace(FILES, crls=(revoked(2001),)), {}, "failed", {"revoked"}, id="revoked"),
        pytest.param(FILES, {"spc_suffices": False}, "failed", {"not_authorised"}, id="only-listed-numbers"),
    ],
)  # fmt: skip
def test_settings_and_files_reach_the_verification(
    files: IdentityFiles, said: dict[str, Any], result: str, broken: set[str]
) -> None:
    verification = found(files, dict(said))
    assert (verification.result, rules(verification)) == (result, broken)


@pytest.mark.parametrize(("age", "result"), [("60s", "failed"), ("2m", "passed")])
def test_age(age: str, result: str) -> None:
    assert found(FILES, {"max_iat_age": age}, {"iat": NOW - 100}).result == result


def test_deadline() -> None:
    async def script() -> None:
        async with serving(context(CA, "127.0.0.1"), says(b"", ANSWER, pause=1.0)) as seen:
            lab = {"allow": [f"127.0.0.1:{seen.port}"], "private": True}
            service = verifier_of(Identity.model_validate({"deadline": "100ms", "repositories": lab}), FILES, Clock())
            assert service is not None
            asked = signed(party().value(x5u=f"https://127.0.0.1:{seen.port}/sp.pem"))
            verification = await service.in_time(asked, signed_call(asked), "")
            assert [finding.detail for finding in verification.findings] == ["no certificate: deadline"]
            await service.aclose()

    asyncio.run(script())


@pytest.mark.parametrize(
    ("settings", "files"), [(None, FILES), (Identity(), NO_FILES), (Identity(), replace(FILES, anchors=()))]
)
def test_nothing_is_verified_without_an_anchor(settings: Identity | None, files: IdentityFiles) -> None:
    assert verifier_of(settings, files, Clock()) is None


def test_what_has_been_used_is_handed_on() -> None:
    async def script() -> None:
        replays = Replays()
        service = verifier_of(Identity(), FILES, Clock(), replays)
        assert service is not None
        assert service.replays is replays
        await service.aclose()

    asyncio.run(script())


SIGN = {"key": "k", "certificate_url": X5U}
KEY = replace(FILES, key=key_pem(party().holder.key), certificate=BODY)


@pytest.mark.parametrize("settings", [None, Identity()])
def test_nothing_is_signed_without_a_key(settings: Identity | None) -> None:
    assert authentication_of(settings, NO_FILES, Clock()) is None


def test_signing() -> None:
    made = [
        authentication_of(Identity.model_validate({"sign": {**SIGN, **more}}), KEY, Clock())
        for more in ({"spc": "709J"}, {"spc": "1234"}, {})
    ]
    tokens = [passport.decode(identity.parse(dict(each.fields(call(), "A")[0])["Identity"].encode()).token) for each in made if each]  # fmt: skip
    assert [token.x5u for token in tokens] == [X5U] * 3
    assert len({token.claims["origid"] for token in tokens}) == 3
    key = party().holder.key.public_key()
    assert all(passport.verify_signature(key, token.signing_input, token.signature) for token in tokens)


def test_when_certificates_end() -> None:
    ends = certificate_ends(KEY)
    top, own = hierarchy().root.certificate, party().holder.certificate
    assert ends == {
        "sign": own.not_valid_after_utc.timestamp(),
        "anchor Root": top.not_valid_after_utc.timestamp(),
    }
    assert certificate_ends(NO_FILES) == {}


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_anchors_with_one_name_the_first_end_is_shown(order: int) -> None:
    made = [root(name("CN", "Test", "Root"), new_key(), days, Validity(NOW, days)) for days in (10, 20)]
    files = IdentityFiles(tuple(pem(holder.certificate) for holder in made)[::order])
    assert certificate_ends(files) == {"anchor Root": made[0].certificate.not_valid_after_utc.timestamp()}
