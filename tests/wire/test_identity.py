"""Signed calls over the wire: SIPp with tokens of every kind, an honest and a dishonest repository, Kamailio's secsipid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from proxy.demo import signers
from stirshaken import passport
from tests.wire import identity
from tests.wire.identity import ABROAD, Lab
from tests.wire.kamailio import Kamailio
from tests.wire.peers import CALLER, CORE, PEER, free_port, require
from tests.wire.play import ALLOCATED, SPOOFED, Load, Statistics, Who
from tests.wire.stage import Stage
from tests.wire.test_screening import field
from tests.wire.trunkward import rules

SECSIPID = Path(__file__).with_name("secsipid.cfg")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = identity.made(tmp_path)
    made.furnish(tmp_path / "trunkward")
    with made.repository:
        yield made


def peer(value: str, number: str = ABROAD) -> Who:
    return Who(number, host=PEER, identity=value)


def at_peer() -> tuple[str, int]:
    return PEER, free_port()


REFUSED = [
    pytest.param(None, ABROAD, 428, "identity.missing", 428, id="unsigned"),
    pytest.param({}, SPOOFED, 438, "identity.mismatch", 438, id="signed-for-another-caller"),
    pytest.param({"dest": ALLOCATED}, ABROAD, 438, "identity.mismatch", 438, id="signed-for-another-called"),
    pytest.param({"age": 90.0}, ABROAD, 403, "identity.stale", 403, id="stale"),
    pytest.param({"age": -90.0}, ABROAD, 403, "identity.stale", 403, id="from-the-future"),
    pytest.param({"path": signers.EXPIRED}, ABROAD, 437, "identity.untrusted", 437, id="certificate-expired"),
    pytest.param({"path": "/nonsense"}, ABROAD, 437, "identity.untrusted", 437, id="no-certificate-there"),
    pytest.param({"path": "/missing"}, ABROAD, 436, "identity.unreachable", 436, id="not-found"),
    pytest.param({"path": "/elsewhere"}, ABROAD, 436, "identity.unreachable", 436, id="redirected"),
    pytest.param({"path": "/huge"}, ABROAD, 436, "identity.unreachable", 436, id="huge"),
    pytest.param({"path": "/hangs"}, ABROAD, 436, "identity.unreachable", 436, id="hangs"),
]


@pytest.mark.parametrize(("token", "number", "status", "rule", "cause"), REFUSED)
def test_refused_with_the_answer_of_rfc_8224(
    stage: Stage, lab: Lab, token: dict[str, str] | None, number: str, status: int, rule: str, cause: int
) -> None:
    core = stage.sink()
    proxy = stage.proxy(lab.setting(core.port, on_error="reject", deadline="1s"))
    value = "" if token is None else lab.value(**token)  # type: ignore[arg-type]

    caller = stage.caller(f"caller_refused:{status}", proxy.address, peer(value, number), at=at_peer())
    caller.wait()

    assert f"STIR;cause={cause};".encode() in field(caller.response(status), b"Reason")
    (verdict,) = proxy.wait_records("call.verdict", 1)
    assert (verdict["verdict"], verdict["enforced"], rules(verdict)) == ("reject", True, {rule})
    proxy.stop()
    assert core.waiting() == []


def test_thousands_of_signed_calls_and_one_fetch(stage: Stage, lab: Lab, tmp_path: Path) -> None:
    count = 2000
    tokens = tmp_path / "tokens.csv"
    rows = [f"+8627{5_555_0000 + n};{lab.value(f'+8627{5_555_0000 + n}').partition(';')[0]}" for n in range(count)]
    tokens.write_text("SEQUENTIAL\n" + "\n".join(rows) + "\n", encoding="ascii")
    load = Load(calls=count, rate=120, hold=100, log=False, seconds=60, numbers=tokens)
    callee = stage.callee("callee_answered", load)
    proxy = stage.proxy(lab.setting(callee.port))
    value = f"[field1];info=<{lab.repository.url}/sp.pem>;alg=ES256;ppt=shaken"

    caller = stage.caller("caller_answered", proxy.address, peer(value, "[field0]"), load, at=at_peer())

    assert caller.wait(90) == Statistics(count, count, failed=0, retransmissions=0, repeats=0, unexpected=0)
    verdicts = proxy.wait_records("call.verdict", count)
    assert {(each["identity"]["result"], each["identity"]["attest"]) for each in verdicts} == {("passed", "A")}
    metrics = proxy.metrics()
    assert metrics["trunkward_identity_total", "result=passed"] == count
    assert metrics["trunkward_certificate_fetch_seconds_count",] == lab.repository.asked["/sp.pem"] == 1
    proxy.stop()


def test_a_repository_that_hangs_delays_its_own_calls_alone(stage: Stage, lab: Lab) -> None:
    load = Load(calls=300, rate=100, hold=100, log=False, seconds=60)
    callee = stage.callee("callee_answered", Load(calls=0, log=False, seconds=60))
    proxy = stage.proxy(lab.setting(callee.port))
    slow = Load(calls=20, rate=10, hold=100, seconds=60)

    waiting = stage.caller("caller_answered", proxy.address, peer(lab.value(path="/hangs")), slow, at=at_peer())
    others = stage.caller("caller_answered", proxy.address, load=load)

    assert others.wait(60) == Statistics(300, 300, failed=0, retransmissions=0, repeats=0, unexpected=0)
    assert waiting.wait(60).succeeded == 20  # on_error: pass
    verdicts = proxy.wait_records("call.verdict", 320)
    late = [each["elapsed_us"] for each in verdicts if each["trunk"] == "peer-1"]
    assert max(late) >= 1_900_000  # the first of them waited its time
    assert max(each["elapsed_us"] for each in verdicts if each["trunk"] == "acme-1") < min(2_000_000, max(late))
    assert {rule for each in verdicts for rule in rules(each)} == {"identity.unreachable"}
    metrics = proxy.metrics()
    failed = metrics["trunkward_certificate_fetches_total", "outcome=timeout"]
    assert metrics["trunkward_certificate_fetch_failures_total",] == failed >= 1
    assert metrics["trunkward_identity_total", "result=unknown"] == 20
    proxy.stop()


def test_a_call_of_a_trunk_goes_on_signed(stage: Stage, lab: Lab) -> None:
    callee = stage.callee("callee_answered")
    proxy = stage.proxy(lab.setting(callee.port))

    stage.caller("caller_answered", proxy.address).wait()

    callee.wait()
    invite = next(message for message in callee.messages("received") if message.startswith(b"INVITE "))
    assert field(invite, b"Date").endswith(b" GMT")
    assert re.search(rb";info=<https://[^>]+/sp.pem>;alg=ES256;ppt=shaken$", field(invite, b"Identity"))
    (verdict,) = proxy.wait_records("call.verdict", 1)
    assert (verdict["attestation"], verdict["identity"]) == ("A", None)
    proxy.stop()


def test_a_new_key_signs_from_the_reload_on(stage: Stage, lab: Lab) -> None:
    callee = stage.callee("callee_answered", Load(calls=2))
    proxy = stage.proxy(lab.setting(callee.port))
    keys = [lab.signers.key, signers.make(0.0).key]

    stage.caller("caller_answered", proxy.address).wait()
    (proxy.directory / "sp.key").write_bytes(b"no key")
    assert proxy.hang_up()["ok"] is False  # a broken key changes nothing
    (proxy.directory / "sp.key").write_bytes(signers.private_key(keys[1]))
    assert proxy.hang_up()["ok"] is True
    stage.caller("caller_answered", proxy.address).wait()

    callee.wait()
    invites = [message for message in callee.messages("received") if message.startswith(b"INVITE ")]
    tokens = [passport.decode(field(invite, b"Identity").partition(b";")[0]) for invite in invites]
    signed = [
        [passport.verify_signature(key.public_key(), token.signing_input, token.signature) for key in keys]
        for token in tokens
    ]
    assert signed == [[True, False], [False, True]]
    assert len({token.claims["origid"] for token in tokens}) == 1
    proxy.stop()


def test_verstat_is_the_networks_word(stage: Stage, lab: Lab) -> None:
    callee = stage.callee("callee_answered", Load(calls=1))
    proxy = stage.proxy(lab.setting(callee.port))
    liar = Who(f"{ABROAD};verstat=TN-Validation-Passed", host=PEER, identity=lab.value(path="/missing"))

    stage.caller("caller_answered", proxy.address, liar, at=at_peer()).wait()

    callee.wait()
    invite = next(message for message in callee.messages("received") if message.startswith(b"INVITE "))
    assert b"verstat" not in field(invite, b"From")
    assert f"<sip:{ABROAD};verstat=No-TN-Validation@".encode() in field(invite, b"P-Asserted-Identity")
    proxy.stop()


@pytest.fixture
def secsipid(lab: Lab, tmp_path: Path) -> dict[str, str]:
    """Values of Kamailio's secsipid module, which must be there."""
    require("kamailio", "kamailio kamailio-secsipid-modules")
    if not list(Path("/usr/lib").glob("*/kamailio/modules/secsipid.so")):
        require("secsipid.so", "kamailio-secsipid-modules")
    key = lab.signers.key
    (tmp_path / "key.pem").write_bytes(signers.private_key(key))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(public)
    return {"X5U": f'"{lab.repository.url}/sp.pem"', "KEY": f'"{tmp_path}/key.pem"', "ROLE": "1"}


def test_kamailio_takes_what_is_signed_here(stage: Stage, lab: Lab, secsipid: dict[str, str], tmp_path: Path) -> None:
    callee, hop = stage.callee("callee_answered"), free_port()
    kamailio = _kamailio(stage, secsipid | {"ROLE": "2", "KEY": f'"{tmp_path}/public.pem"'}, CORE, hop, callee.port)
    proxy = stage.proxy(lab.setting(hop))

    assert stage.caller("caller_answered", proxy.address).wait().succeeded == 1

    kamailio.stop()
    proxy.stop()


def test_kamailio_refuses_what_another_key_has_signed(
    stage: Stage, lab: Lab, secsipid: dict[str, str], tmp_path: Path
) -> None:
    other = signers.make(0.0).key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(other)
    hop = free_port()
    kamailio = _kamailio(stage, secsipid | {"ROLE": "2", "KEY": f'"{tmp_path}/public.pem"'}, CORE, hop, free_port())
    proxy = stage.proxy(lab.setting(hop))

    stage.caller("caller_refused:438", proxy.address).wait()

    kamailio.stop()
    proxy.stop()


@pytest.mark.parametrize(
    ("asserted", "calls", "result"),
    [
        pytest.param(ABROAD, "caller_answered", "passed", id="the-number-that-it-signs"),
        pytest.param(SPOOFED, "caller_refused:438", "failed", id="another-one-is-asserted"),
    ],
)
def test_what_kamailio_signs_is_judged_here(
    stage: Stage, lab: Lab, secsipid: dict[str, str], asserted: str, calls: str, result: str
) -> None:
    callee, hop = stage.callee("callee_answered", Load(calls=0)), free_port()
    proxy = stage.proxy(lab.setting(callee.port, gateway_port=hop))
    kamailio = _kamailio(stage, secsipid, PEER, hop, proxy.port)

    stage.caller(calls, (PEER, hop), Who(ABROAD, host=CALLER, asserted=asserted)).wait()

    (verdict,) = proxy.wait_records("call.verdict", 1)
    assert verdict["identity"]["result"] == result
    kamailio.stop()
    proxy.stop()


def _kamailio(stage: Stage, values: dict[str, str], host: str, port: int, next_port: int) -> Kamailio:
    listen = {"LISTEN": f"udp:{host}:{port}", "NEXT_HOP": f'"sip:{CORE}:{next_port}"'}
    return stage.kamailio(SECSIPID, port, values | listen)
