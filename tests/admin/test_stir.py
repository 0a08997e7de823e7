"""Signing and verification over HTTP through the whole application: every row of ATIS-1000082, and real tokens."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from proxy.admin import asgi, stir
from stirshaken import passport
from stirshaken.identity import parse
from tests.admin.stage import ORIGID, TOKEN, App, Heard, Repository, repository, signing, verification, write_config

NOW = 1443208345  # of the vectors
SIGNING, VERIFICATION = "/stir/v1/signing", "/stir/v1/verification"


@dataclass(frozen=True)
class Place:
    """A configuration that signs and verifies, and the repository of its certificate."""

    config: Path
    repository: Repository

    def run(self, talk: Callable[[App], Awaitable[Any]], config: Path | None = None) -> Any:
        async def main() -> Any:
            app = App(config or self.config, NOW)
            try:
                return await talk(app)
            finally:
                await app.aclose()

        return asyncio.run(main())

    def ask(self, path: str, body: object = b"", **how: Any) -> Heard:
        heard = self.run(lambda app: app.ask(path, body, **how))
        assert isinstance(heard, Heard)
        return heard


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("stir")
    with repository(directory, NOW) as served:
        yield Place(write_config(directory, served.identity()), served)


async def signed(app: App, **how: Any) -> str:
    heard = await app.ask(SIGNING, signing(app.now, **how))
    assert heard.status == 200, heard.body
    value: str = heard.json["signingResponse"]["identity"]
    return value


# --- the vectors ------------------------------------------------------------------------------------------


def test_vectors_of_signing(place: Place, vectors: Path) -> None:
    said = json.loads((vectors / "atis1000082/signing_requests.json").read_bytes())

    async def talk(app: App) -> list[tuple[Heard, Any]]:
        rows = [*({"request": request} for request in said["valid"]), *said["invalid"]]
        return [(await app.ask(SIGNING, row["request"]), row) for row in rows]

    answers = place.run(talk)
    assert len(answers) == 17
    for heard, row in answers:
        if "status" in row:
            status, message, variables = heard.error
            assert (status, message, variables[0]) == (row["status"], row["messageId"], row["variable"])
        else:
            token = passport.decode(parse(heard.json["signingResponse"]["identity"].encode()).token)
            assert token.claims == {**row["request"]["signingRequest"], "orig": {"tn": "12155551212"}}


def test_vectors_of_verification(place: Place, vectors: Path) -> None:
    said = json.loads((vectors / "atis1000082/signing_requests.json").read_bytes())

    async def talk(app: App) -> Heard:
        request = said["verify_request_valid"]["verificationRequest"]
        return await app.ask(VERIFICATION, {"verificationRequest": {**request, "identity": await signed(app)}})

    heard = place.run(talk)
    assert (heard.status, heard.json) == (200, {"verificationResponse": {"verstat": "TN-Validation-Passed"}})


ERRORS = {
    "SVC4000": (400, "Missing request body"),
    "SVC4001": (400, "Missing mandatory parameter '%1'"),
    "SVC4002": (406, "Requested response body type '%1' is not supported"),
    "SVC4003": (404, "Requested resource was not found"),
    "SVC4004": (415, "Unsupported request body type, expected '%1'"),
    "SVC4005": (400, "Invalid '%1' parameter value: %2"),
    "SVC4006": (400, "Failed to parse received message body: %1"),
    "SVC4007": (411, "Missing mandatory Content-Length header"),
    "POL4050": (405, "Method not allowed"),
    "POL5000": (500, "Internal Server Error. Please try again later"),
}
ROWS = [
    pytest.param({"body": b""}, "SVC4000", [], id="no-body"),
    pytest.param({"body": {}}, "SVC4001", ["signingRequest"], id="no-request"),
    pytest.param({"fields": {"accept": "text/xml"}}, "SVC4002", ["text/xml"], id="accept"),
    pytest.param({"fields": {"accept": "application/json;q=0, text/xml"}}, "SVC4002", ["application/json;q=0, text/xml"], id="accept-not-json"),
    pytest.param({"path": "/stir/v1/signin"}, "SVC4003", [], id="path"),
    pytest.param({"path": "/stir/v1/signing/"}, "SVC4003", [], id="path-behind"),
    pytest.param({"fields": {"content-type": "text/xml"}}, "SVC4004", ["application/json"], id="media-type"),
    pytest.param({"fields": {"content-type": None}}, "SVC4004", ["application/json"], id="no-media-type"),
    pytest.param({"fields": {"content-type": "application/json; charset=utf-16"}}, "SVC4004", ["application/json"], id="charset"),
    pytest.param({"body": signing(NOW, extra=1)}, "SVC4005", ["extra", "unknown parameter"], id="unknown"),
    pytest.param({"body": signing(NOW - 61)}, "SVC4005", ["iat", "too far from now"], id="too-old"),
    pytest.param({"body": signing(NOW + 61)}, "SVC4005", ["iat", "too far from now"], id="too-new"),
    pytest.param({"body": b"{"}, "SVC4006", ["JSON: malformed"], id="no-json"),
    pytest.param({"fields": {"content-length": None, "transfer-encoding": "chunked"}}, "SVC4007", [], id="no-length"),
    pytest.param({"method": "GET"}, "POL4050", [], id="get"),
    pytest.param({"method": "PUT"}, "POL4050", [], id="put"),
]  # fmt: skip


@pytest.mark.parametrize(("how", "message", "variables"), ROWS)
def test_errors(place: Place, how: dict[str, Any], message: str, variables: list[str]) -> None:
    heard = place.ask(**{"path": SIGNING, "body": signing(NOW), **how})
    status, text = ERRORS[message]
    kind = "policyException" if message.startswith("POL") else "serviceException"
    said = {"messageId": message, "text": text} | ({"variables": variables} if variables else {})
    assert (heard.status, heard.json) == (status, {"requestError": {kind: said}})
    assert heard.fields["content-type"] == "application/json"
    assert heard.fields.get("allow") == ("POST" if status == 405 else None)


def test_the_table_is_that_of_the_vectors(vectors: Path) -> None:
    said = json.loads((vectors / "atis1000082/signing_requests.json").read_bytes())["errors"]
    assert {message: (status, text) for message, text, status in said} == ERRORS


def test_a_defect_is_an_error_object(place: Place, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    def broken(_: bytes) -> None:
        raise RuntimeError("12155551212")

    monkeypatch.setattr(stir, "signing_request", broken)
    heard = place.ask(SIGNING, signing(NOW))
    assert heard.error == (500, "POL5000", [])
    assert "12155551212" not in str(capfd.readouterr())


@pytest.mark.parametrize("accept", ["*/*", "application/*", "text/xml, application/json;q=0.5"])
def test_json_is_accepted(place: Place, accept: str) -> None:
    heard = place.ask(
        SIGNING, signing(NOW), fields={"accept": accept, "content-type": "Application/JSON;charset=UTF-8"}
    )
    assert heard.status == 200


def test_ids_are_echoed_or_made(place: Place) -> None:
    given = place.ask(SIGNING, signing(NOW), fields={"x-requestid": "r-1", "x-instanceid": "sbc-7"})
    made = place.ask(SIGNING, b"{", fields={"x-requestid": "r 1", "x-instanceid": "x" * 129})

    assert (given.fields["x-requestid"], given.fields["x-instanceid"]) == ("r-1", "sbc-7")
    assert len(made.fields["x-requestid"]) == 36
    assert (made.status, made.fields["x-instanceid"]) == (400, "gw1")


# --- limits -----------------------------------------------------------------------------------------------


def test_a_body_in_many_parts(place: Place) -> None:
    assert place.ask(SIGNING, signing(NOW), parts=50).status == 200


@pytest.mark.parametrize("length", [None, "10"])
def test_a_body_that_is_too_large(place: Place, length: str | None) -> None:
    body = b" " * (asgi.MAX_BODY + 1)
    fields = {} if length is None else {"content-length": length}  # a lie, which h11 would not let through
    assert place.ask(SIGNING, body, fields=fields).error == (413, "POL4130", ["65536"])


def test_the_largest_body(place: Place) -> None:
    body = json.dumps(signing(NOW)).encode()
    assert place.ask(SIGNING, body + b" " * (asgi.MAX_BODY - len(body))).status == 200


def test_a_body_that_does_not_come(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "BODY_SECONDS", 0.05)
    monkeypatch.setattr(asgi, "DRAIN_SECONDS", 0.05)
    heard = place.run(_half_a_body)
    assert heard == (408, "close")


async def _half_a_body(app: App) -> tuple[int, str]:
    sent: list[Any] = []
    parts = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def receive() -> Any:
        return parts.pop() if parts else await asyncio.sleep(3600)

    async def send(event: Any) -> None:
        sent.append(event)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await app.pages({"method": "POST", "raw_path": SIGNING.encode(), "headers": headers}, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"])[b"connection"].decode()


def test_too_many_at_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stir, "MAX_UNDER_WAY", 2)

    async def talk(app: App) -> list[int]:
        identity = await signed(app)
        bodies = [verification(identity, NOW) for _ in range(3)]
        return [heard.status for heard in await asyncio.gather(*(app.ask(VERIFICATION, body) for body in bodies))]

    assert sorted(place.run(talk)) == [200, 200, 503]


# --- verdicts ---------------------------------------------------------------------------------------------


def verdict(place: Place, talk: Callable[[App], Awaitable[Heard]]) -> tuple[str, int | None]:
    heard = place.run(talk)
    assert heard.status == 200, heard.body
    said = heard.json["verificationResponse"]
    assert {*said} <= {"reasoncode", "reasontext", "reasondesc", "verstat"}
    return said["verstat"], said.get("reasoncode")


def changed(value: str) -> str:
    """Another signature, well formed."""
    head, _, rest = value.partition(";")
    return f"{head[:-4]}{'AAAA' if head[-4:] != 'AAAA' else 'BBBB'};{rest}"


@pytest.mark.parametrize(
    ("change", "how", "expected"),
    [
        pytest.param(str, {}, ("TN-Validation-Passed", None), id="good"),
        pytest.param(str, {"orig": "+1-215-555-1212"}, ("TN-Validation-Passed", None), id="separators"),
        pytest.param(changed, {}, ("TN-Validation-Failed", 438), id="signature"),
        pytest.param(str, {"orig": "12155551213"}, ("TN-Validation-Failed", 438), id="orig"),
        pytest.param(str, {"dest": "12355551213"}, ("TN-Validation-Failed", 438), id="dest"),
        pytest.param(str, {"time": NOW - 61}, ("TN-Validation-Failed", 403), id="date"),
        pytest.param(lambda _: 'garbage, "', {}, ("TN-Validation-Failed", 438), id="garbage"),
        pytest.param(lambda value: value.replace("ppt=shaken", "ppt=msg"), {}, ("No-TN-Validation", 428), id="other-ppt"),
        pytest.param(lambda value: value.replace("/sp.pem", "/none.pem"), {}, ("TN-Validation-Failed", 438), id="info-is-not-x5u"),
        pytest.param(lambda value: f"{value}, {value.replace('ppt=shaken', 'ppt=msg')}", {}, ("TN-Validation-Passed", None), id="one-of-two"),
    ],
)  # fmt: skip
def test_verdicts(
    place: Place, change: Callable[[str], str], how: dict[str, Any], expected: tuple[str, int | None]
) -> None:
    async def talk(app: App) -> Heard:
        return await app.ask(VERIFICATION, verification(change(await signed(app)), **{"time": NOW, **how}))

    assert verdict(place, talk) == expected


@pytest.mark.parametrize("level", ["B", "C"])
def test_partial_attestation_proves_no_number(place: Place, level: str) -> None:
    async def talk(app: App) -> Heard:
        return await app.ask(VERIFICATION, verification(await signed(app, attest=level), NOW))

    assert verdict(place, talk) == ("No-TN-Validation", None)


def test_a_stale_token(place: Place) -> None:
    async def talk(app: App) -> Heard:
        value = await signed(app)
        app.now += 61
        return await app.ask(VERIFICATION, verification(value, app.now))

    assert verdict(place, talk) == ("TN-Validation-Failed", 403)


def test_a_token_of_another_call_is_a_replay_and_the_same_request_is_none(place: Place) -> None:
    async def talk(app: App) -> list[Any]:
        value = await signed(app)
        heard = [await app.ask(VERIFICATION, verification(value, NOW + late)) for late in (0, 0, 1)]
        return [each.json["verificationResponse"] for each in heard]

    first, again, later = place.run(talk)
    assert first == again == {"verstat": "TN-Validation-Passed"}
    assert later == {
        "reasoncode": 438,
        "reasontext": "Invalid Identity Header",
        "reasondesc": "token was used by another call",
        "verstat": "TN-Validation-Failed",
    }


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        pytest.param(None, ("No-TN-Validation", 436), id="not-there"),
        pytest.param(b"no certificate", ("TN-Validation-Failed", 437), id="no-certificate"),
    ],
)
def test_certificates_that_cannot_be_had(tmp_path: Path, page: bytes | None, expected: tuple[str, int]) -> None:
    with repository(tmp_path, NOW) as served:
        place = Place(write_config(tmp_path, served.identity()), served)
        served.pages.pop("/sp.pem") if page is None else served.pages.update({"/sp.pem": page})

        async def talk(app: App) -> Heard:
            return await app.ask(VERIFICATION, verification(await signed(app), NOW))

        assert verdict(place, talk) == expected


def test_a_repository_that_hangs(tmp_path: Path) -> None:
    with repository(tmp_path, NOW) as served:
        served.pause = 1.0
        place = Place(write_config(tmp_path, served.identity().replace("2s", "100ms")), served)

        async def talk(app: App) -> tuple[Heard, float]:
            body, before = verification(await signed(app), NOW), time.monotonic()
            return await app.ask(VERIFICATION, body), time.monotonic() - before

        heard, seconds = place.run(talk)
    assert seconds < 0.9
    assert heard.json["verificationResponse"] == {
        "reasoncode": 436,
        "reasontext": "Bad Identity Info",
        "reasondesc": "no certificate: deadline",
        "verstat": "No-TN-Validation",
    }


def test_certificates_that_do_not_cover_or_are_not_trusted(tmp_path: Path) -> None:
    with repository(tmp_path, NOW, number="12155551299") as served:
        place = Place(write_config(tmp_path, served.identity()), served)

        async def talk(app: App) -> Heard:
            return await app.ask(VERIFICATION, verification(await signed(app), NOW))

        assert verdict(place, talk) == ("TN-Validation-Failed", 437)
        (tmp_path / "anchors.pem").write_bytes((tmp_path / "web-ca.pem").read_bytes())
        assert verdict(place, talk) == ("TN-Validation-Failed", 437)


def test_what_is_signed(place: Place) -> None:
    value = place.ask(SIGNING, signing(NOW, dest="+44(20)7946-0000")).json["signingResponse"]["identity"]
    field = parse(value.encode())
    token = passport.decode(field.token)

    url = f"https://127.0.0.1:{place.repository.port}/sp.pem"
    assert (field.info, field.ppt, field.alg, token.x5u) == (url, "shaken", "ES256", url)
    assert token.claims == {"attest": "A", "dest": {"tn": ["442079460000"]}, "iat": NOW, "orig": {"tn": "12155551212"}, "origid": ORIGID}  # fmt: skip


# --- what is not configured, who may ask, what is counted -------------------------------------------------


@pytest.mark.parametrize("path", [SIGNING, VERIFICATION])
@pytest.mark.parametrize("configured", [True, False])
def test_a_service_that_is_not_configured(tmp_path: Path, path: str, configured: bool) -> None:
    config = write_config(tmp_path, "identity: {}\n") if configured else None
    status, message, (variable,) = Place(tmp_path, Repository(0, {})).run(lambda app: app.ask(path, b"{}"), config or write_config(tmp_path)).error  # fmt: skip
    assert (status, message) == (404, "SVC4003")
    assert ("identity.sign" if path == SIGNING else "identity.trust_anchors") in variable


def guarded(place: Place, talk: Callable[[App], Awaitable[Any]]) -> Any:
    directory = place.config.parent
    (directory / "tokens").write_text(f"{TOKEN}\n", encoding="ascii")
    config = directory / "guarded.yaml"
    config.write_text(place.config.read_text() + "admin: {tokens: tokens}\n")
    return place.run(talk, config)


def test_who_has_no_token_learns_nothing(place: Place) -> None:
    async def talk(app: App) -> list[Heard]:
        return [
            await app.ask(SIGNING, signing(NOW)),
            await app.ask(VERIFICATION, b"", method="GET"),
            await app.ask("/stir/none", b""),
            await app.ask(SIGNING, signing(NOW), fields={"authorization": f"Bearer {TOKEN}"}),
        ]

    *refused, good = guarded(place, talk)
    assert [heard.error for heard in refused] == [(401, "POL4010", [])] * 3
    assert {heard.fields["www-authenticate"] for heard in refused} == {'Bearer realm="stir"'}
    assert good.status == 200


def test_every_request_is_counted(place: Place) -> None:
    async def talk(app: App) -> dict[tuple[str, ...], int]:
        value = await signed(app)
        for body in (verification(value, NOW), verification(value, NOW + 1), verification(value.replace("shaken", "x"), NOW), b"{"):  # fmt: skip
            await app.ask(VERIFICATION, body)
        await app.ask(SIGNING, b"", fields={"origin": "https://page.example"})
        await app.ask("/stir/none")
        return dict(app.counts)

    assert place.run(talk) == {
        ("stir_requests_total", "signing", "signed"): 1,
        ("stir_requests_total", "signing", "unauthorised"): 1,
        ("stir_requests_total", "verification", "passed"): 1,
        ("stir_requests_total", "verification", "failed"): 1,
        ("stir_requests_total", "verification", "missing"): 1,
        ("stir_requests_total", "verification", "refused"): 1,
    }
