"""A node as it really runs: ready, reloaded or not, drained, and gone without a trace but its records."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from proxy.app import Worker
from proxy.checks.base import UNMARKED
from proxy.net.board import Board
from proxy.net.handover import Inbox, Post
from proxy.net.line import line
from proxy.net.udp import open_socket
from proxy.observe.evidence import verify
from proxy.observe.evidence_key import PUBLIC, public_keys
from proxy.observe.log import get
from proxy.observe.metrics import decode
from proxy.parts import load_all, ready_of
from proxy.settings.problems import ConfigError
from proxy.store.index import open_index
from proxy.store.index_search import Question, search
from stirshaken import identity, passport
from stirshaken.hierarchy import leaf, name, new_key
from stirshaken.tnauthlist import Spc, TNAuthList
from tests.admin.stage import Client, repository, signing
from tests.checks.calls import call as asked_call
from tests.observe.test_journal import check_chain, lines
from tests.sources.identity import key_pem, pem
from tests.stirshaken.scene import YEAR, hierarchy
from tests.story import response
from tests.wire.pbx import SPOOFED, Call, events, healthy, log, until
from tests.wire.peers import CALLER, CORE, START_SECONDS, Sink, free_port, is_bound
from tests.wire.trunkward import Proxy, Setting


@pytest.fixture
def node(tmp_path: Path, core: Sink) -> Iterator[Proxy]:
    """A node in mode block."""
    proxy = Proxy(tmp_path, Setting(core.port))
    yield proxy
    proxy.kill()


def test_from_ready_to_gone(node: Proxy, core: Sink, pbx: Sink) -> None:
    pid_file = node.directory / "state" / "trunkward.pid"
    until(lambda: healthy(node) and "node.ready" in events(node))
    ready = next(line for line in log(node) if line["event"] == "node.ready")
    assert (ready["mode"], ready["trunks"], ready["listen"]) == ("block", 2, ["udp access"])
    assert int(pid_file.read_text()) == node.program.process.pid

    assert Call(node, pbx, "spoofed", SPOOFED).status() == 403
    good = Call(node, pbx, "good")
    core.send(response(core.receive(b"INVITE"), "486 Busy Here"), node.address)
    assert good.status() == 486
    node.stop()

    assert (pid_file.exists(), is_bound(node.port), healthy(node)) == (False, False, False)
    assert events(node)[-2:] == ["node.draining", "node.stopped"]
    assert [(record["event"], record["call_id"]) for record in node.records()] == [
        ("call.verdict", "spoofed"), ("call.end", "spoofed"), ("call.verdict", "good"), ("call.end", "good"),
    ]  # fmt: skip
    assert check_chain(lines(node.directory / "records")) == 4


def test_a_full_disk_stops_no_call_and_is_told(node: Proxy, pbx: Sink) -> None:
    """A limit on the size of files stands for the full disk; records, not the log, are what reaches it."""
    for number in range(10):
        assert Call(node, pbx, f"before-{number}", SPOOFED).status() == 403
    node.wait_records("call.end", 10)
    size = sum(file.stat().st_size for file in node.record_files())
    limits = resource.prlimit(node.workers[0], resource.RLIMIT_FSIZE, (size + 500, resource.RLIM_INFINITY))
    for number in range(10):
        assert Call(node, pbx, f"full-{number}", SPOOFED).status() == 403
    until(lambda: node.metrics()["trunkward_records_disk_refuses",] == 1)
    assert Call(node, pbx, "told", SPOOFED).status() == 403
    assert node.metrics()["trunkward_records_queue",] > 0
    resource.prlimit(node.workers[0], resource.RLIMIT_FSIZE, limits)
    until(lambda: node.metrics()["trunkward_records_disk_refuses",] == 0)
    node.wait_records("call.end", 21)
    node.stop()

    assert [event for event in events(node) if event.startswith("records.")] == [
        "records.not_written", "records.written_again",
    ]  # fmt: skip
    keys = public_keys([(node.directory / "state" / PUBLIC).read_bytes()])
    found = verify(node.directory / "records", keys)
    assert (found.is_good, found.signatures, found.last, found.sealed, found.gap_count) == (True, "checked", 42, 42, 0)


def test_a_good_reload_is_taken(node: Proxy, pbx: Sink, core: Sink) -> None:
    assert Call(node, pbx, "before", SPOOFED).status() == 403
    report = node.reload(more=f'      - {{number: "+86{SPOOFED}"}}\n', mode="monitor")
    Call(node, pbx, "after", SPOOFED)
    core.receive(b"INVITE")

    assert (report["ok"], report["force"], report["problems"]) == (True, False, [])
    assert node.metrics()["trunkward_config_last_reload_successful",] == 1
    assert [record["mode"] for record in node.wait_records("call.verdict", 2)] == ["block", "monitor"]


def test_signing_over_http_follows_what_the_node_has_taken(node: Proxy) -> None:
    client = Client(node.admin_port, host=node.host)

    def status() -> int:
        return client.ask("/stir/v1/signing", signing(time.time())).status

    config = node.directory / "trunkward.yaml"
    without = config.read_text()
    assert status() == 404
    with repository(node.directory, time.time()) as served:
        config.write_text(without + served.identity())
        assert node.hang_up()["ok"] is True
        until(lambda: status() == 200)
    for bad in (without.replace("mode: block", "mode: blok"), without.replace("name: wire", "name: other")):
        config.write_text(bad)  # the second one is good for whoever starts anew
        assert node.hang_up()["ok"] is False
        time.sleep(1.2)
        assert status() == 200
    assert node.metrics()["trunkward_stir_requests_total", "kind=signing", "result=signed"] >= 3
    config.write_text(without)
    assert node.hang_up()["ok"] is True
    until(lambda: status() == 404)
    node.stop()


def test_the_log_tells_when_a_next_hop_goes_down_and_comes_back(node: Proxy, core: Sink, pbx: Sink) -> None:
    node.reload(watch="  probe: {interval: 1s, down_after: 1}\n")
    asked = core.receive(b"OPTIONS")
    until(lambda: node.metrics()["trunkward_next_hop_up", f"next_hop={CORE}:{core.port}"] == 0)
    core.waiting()

    def is_up_again() -> bool:
        core.send(response(core.receive(b"OPTIONS"), "200 OK"), node.address)
        return "next_hop.up" in events(node)

    until(is_up_again)

    assert asked.startswith(f"OPTIONS sip:{CORE}:{core.port} SIP/2.0".encode())
    assert node.metrics()["trunkward_next_hop_up", f"next_hop={CORE}:{core.port}"] == 1
    (news,) = node.log("next_hop.down")
    assert (news["level"], news["next_hop"], news["cause"]) == ("warning", f"{CORE}:{core.port}", "unanswered")
    assert node.records() == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        pytest.param(lambda text: text.replace("mode: block", "mode: blok"), "'blok' is not one of", id="no-configuration"),
        pytest.param(lambda text: text.replace("name: wire", "name: other"), "node.name: is taken over only by a restart", id="needs-a-restart"),
        pytest.param(lambda text: text.replace("directory.yaml", "none.yaml"), "cannot be read", id="directory-missing"),
    ],
)  # fmt: skip
def test_a_bad_reload_is_refused_whole(change: Callable[[str], str], problem: str, node: Proxy, pbx: Sink) -> None:
    node.write(Setting(node.setting.core_port, more=f'      - {{number: "+86{SPOOFED}"}}\n'))  # good by itself
    config = node.directory / "trunkward.yaml"
    config.write_text(change(config.read_text()))
    report = node.hang_up()

    assert report["ok"] is False
    assert [item for item in report["problems"] if problem in item] != []
    assert node.metrics()["trunkward_config_last_reload_successful",] == 0
    assert Call(node, pbx, "spoofed", SPOOFED).status() == 403
    assert "reload.refused" in events(node)


def test_numbers_that_vanish_need_force(node: Proxy) -> None:
    directory = node.directory / "directory.yaml"
    directory.write_text(directory.read_text().replace("+862488880099", "+862488880009"))
    assert node.hang_up()["ok"] is False
    before = (node.directory / "state" / "reload.json").stat().st_mtime_ns
    node.program.send(signal.SIGUSR1)
    until(lambda: (node.directory / "state" / "reload.json").stat().st_mtime_ns != before)
    report = json.loads((node.directory / "state" / "reload.json").read_bytes())

    assert (report["ok"], report["force"]) == (True, True)
    assert node.metrics()["trunkward_directory_entries", "kind=numbers"] == 10 + 1 + 10


def test_the_reload_command_and_a_running_node(node: Proxy) -> None:
    def reload() -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-P", "-m", "proxy", "reload", "-c", "trunkward.yaml", "--lang", "en"]
        return subprocess.run(argv, cwd=node.directory, capture_output=True, text=True, check=False)

    taken = reload()
    assert (taken.returncode, taken.stdout) == (0, "the proxy has taken the new configuration\n")
    (node.directory / "directory.yaml").write_text("trunks: []\n")
    refused = reload()
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.endswith("the proxy has refused the new configuration and goes on with the old one\n")


def test_a_reload_asked_for_during_a_reload_comes_after_it(node: Proxy) -> None:
    """The second wish may come behind the moment at which the first one read its file."""
    config = node.directory / "trunkward.yaml"
    sound = config.read_text()
    config.write_text(sound.replace("mode: block", "mode: blok"))
    os.kill(node.program.process.pid, signal.SIGHUP)
    time.sleep(0.05)
    config.write_text(sound)
    os.kill(node.program.process.pid, signal.SIGHUP)
    deadline = time.monotonic() + START_SECONDS
    while sum(line["event"] == "reload.done" for line in log(node)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    done = [line["ok"] for line in log(node) if line["event"] == "reload.done"]
    assert (len(done), done[-1]) == (2, True)


def test_a_call_that_rings_is_seen_to_its_answer(node: Proxy, core: Sink, pbx: Sink) -> None:
    call = Call(node, pbx, "ringing")
    invite = core.receive(b"INVITE")
    core.send(response(invite, "180 Ringing"), node.address)
    pbx.receive(b"SIP/2.0 180")
    node.program.send(signal.SIGTERM)
    until(lambda: "node.draining" in events(node))
    time.sleep(0.3)
    assert node.program.process.poll() is None
    core.send(response(invite, "486 Busy Here"), node.address)

    assert call.status() == 486
    assert node.program.wait(START_SECONDS) == 0
    assert [record["status"] for record in node.records("call.end")] == [486]


def test_calls_that_go_on_end_in_the_records(node: Proxy, core: Sink, pbx: Sink) -> None:
    call = Call(node, pbx, "talking")
    core.send(response(core.receive(b"INVITE"), "200 OK", fields=(f"Contact: <sip:x@{core.host}:{core.port}>",)), node.address)  # fmt: skip
    assert call.status() == 200
    node.stop()

    (end,) = node.records("call.end")
    assert (end["status"], end["answered"], end["ended_by"]) == (200, True, "proxy")


def test_without_its_control_process_it_does_not_start(node: Proxy, tmp_path: Path) -> None:
    node.stop()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind((node.host, node.metrics_port))
        taken.listen()
        argv = [sys.executable, "-P", "-m", "proxy", "serve", "-c", "trunkward.yaml"]
        result = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30)

    assert result.returncode == 1
    assert "control.failed" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "state" / "trunkward.pid").exists()
    with pytest.raises(ProcessLookupError):
        os.killpg(node.program.process.pid, 0)


class Services:
    """A node that is not started: its parts, and a configuration with signed identity that changes under it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = directory / "c.yaml"
        self.text = (
            f"node: {{name: gw1, mode: block, state: {directory}/state}}\n"
            f'listen: [{{name: access, address: "{CALLER}:{free_port()}"}}]\n'
            'core: {next_hops: [{uri: "sip:127.0.0.1:5080"}]}\n'
            'directory: {url: "file:d.yaml"}\n'
            f"records: {{directory: {directory}/records}}\n"
            "identity:\n  trust_anchors: [root.pem]\n"
            '  sign: {key: sp.key, certificate: sp.pem, certificate_url: "https://cert.example.net/sp.pem"}\n'
        )
        (directory / "state").mkdir()
        (directory / "d.yaml").write_text(
            "customers: [{id: acme}]\ntrunks:\n  - {id: acme-1, customer: acme, sources: [198.51.100.7], "
            'dial_plan: {area: "24"}, allocations: [{first: "+862488880000", last: "+862488880099"}]}\n'
        )
        self.config.write_text(self.text)
        (directory / "root.pem").write_bytes(pem(hierarchy().root.certificate))
        self.key = self.rotate()
        sockets = [open_socket(CALLER, 0)]
        self.ours, theirs = line()
        post = Post(0, sockets, theirs, Board(1), [Inbox()], bytes(32), self.config)
        self.server = Worker(load_all(self.config), get("test"), post)

    def rotate(self) -> EllipticCurvePublicKey:
        """A new key, and its certificate."""
        key = new_key()
        own = leaf(hierarchy().issuer, name("US", "Test", "SP"), key.public_key(), 7, YEAR, TNAuthList((Spc("1"),)))
        (self.directory / "sp.key").write_bytes(key_pem(key))
        (self.directory / "sp.pem").write_bytes(pem(own))
        return key.public_key()

    def takes(self) -> None:
        """A reload, in this process."""
        self.server._take(ready_of(self.config, load_all(self.config)))

    def signs_with(self, key: EllipticCurvePublicKey) -> bool:
        """Whether calls are signed with this key now."""
        verdict = self.server.node.judge(asked_call(on=self.server._loaded.directory.trunks["acme-1"]))
        assert verdict is not None
        token = passport.decode(identity.parse(dict(verdict.marks.fields)["Identity"].encode()).token)
        return passport.verify_signature(key, token.signing_input, token.signature)

    def metric(self, name: str) -> dict[str, float]:
        """The values of a metric by its first label."""
        return {key[1]: value for key, value in decode(self.server._snapshot()).values if key[0] == name}

    async def close(self) -> None:
        """Leave nothing behind."""
        await self.server._retired.aclose()
        if self.server._verifier is not None:
            await self.server._verifier.aclose()
        self.server.journal.close()
        self.server._claim.release()
        for sock in (*self.server._post.sockets, self.server._post.line, self.ours):
            sock.close()
        self.server._post.inboxes[0].close()


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made, thresholds = Services(tmp_path), gc.get_threshold()
    yield made
    asyncio.run(made.close())
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def in_a_loop(act: Callable[[], None]) -> None:
    async def script() -> None:
        act()

    asyncio.run(script())


def test_a_key_is_rotated_by_a_reload(services: Services) -> None:
    old, before = services.key, services.server._verifier
    new = services.rotate()
    assert services.signs_with(old)
    in_a_loop(services.takes)
    assert (services.signs_with(old), services.signs_with(new)) == (False, True)
    assert services.server._verifier is not before
    assert services.metric("certificate_not_after_timestamp_seconds").keys() == {"sign", "anchor Root"}


def test_used_tokens_stay_used_over_a_reload(services: Services) -> None:
    assert services.server._verifier is not None
    services.server._verifier.replays.take(bytes(64), b"1", 2e9, 1e9)
    services.rotate()
    in_a_loop(services.takes)
    assert len(services.server._verifier.replays) == 1


def test_a_reload_of_the_directory_alone_keeps_certificates(services: Services) -> None:
    before = services.server._verifier
    file = services.directory / "d.yaml"
    file.write_text(file.read_text().replace("0099", "0199"))
    in_a_loop(services.takes)
    assert services.server._verifier is before
    assert services.server._retired._closing == set()


@pytest.mark.parametrize(
    ("file", "problem"), [("sp.key", "no private key"), ("sp.pem", "1 to 10"), ("root.pem", "1 to")]
)
def test_a_broken_file_is_refused_whole(file: str, problem: str, services: Services) -> None:
    (services.directory / file).write_bytes(b"broken")
    with pytest.raises(ConfigError) as caught:
        services.takes()
    assert problem in caught.value.problems[0].text("en")
    assert services.signs_with(services.key)


def test_verification_can_be_taken_away_by_a_reload(services: Services) -> None:
    services.config.write_text(services.text.partition("identity:")[0])
    in_a_loop(services.takes)
    verdict = services.server.node.judge(asked_call(on=services.server._loaded.directory.trunks["acme-1"]))
    assert verdict is not None
    assert (services.server._verifier, verdict.marks) == (None, UNMARKED)
    assert services.metric("certificate_not_after_timestamp_seconds") == {}


def test_what_is_loaded_goes_between_processes(services: Services) -> None:
    loaded = load_all(services.config)
    assert ForkingPickler.loads(ForkingPickler.dumps(loaded)).identity == loaded.identity


@pytest.mark.parametrize("mode", ["block", "monitor"])
def test_a_durable_record_is_there_when_its_call_arrives(tmp_path: Path, core: Sink, pbx: Sink, mode: str) -> None:
    """kill -9 as soon as the callee sees the INVITE, or the caller its rejection: nothing is missing."""
    node = Proxy(tmp_path, Setting(core.port, mode=mode, records=", durable: true"))
    try:
        Call(node, pbx, "spoofed", SPOOFED)
        if mode == "block":
            pbx.receive(b"SIP/2.0 403")
        else:
            core.receive(b"INVITE")
        Call(node, pbx, "good")
        core.receive(b"INVITE")
        node.program.process.kill()
        assert [record["call_id"] for record in node.records("call.verdict")] == ["spoofed", "good"]
    finally:
        node.kill()


def test_a_disk_that_refuses_durable_records_stops_no_call(tmp_path: Path, core: Sink, pbx: Sink) -> None:
    node = Proxy(tmp_path, Setting(core.port, records=", durable: true"))
    try:
        full = (1 << 10, resource.RLIM_INFINITY)
        limits = resource.prlimit(node.workers[0], resource.RLIMIT_FSIZE, full)
        for number in range(3):
            Call(node, pbx, f"call-{number}")
            core.receive(b"INVITE")
        assert node.metrics()["trunkward_records_late_total",] >= 1
        assert len(node.log("records.late")) == 1
        resource.prlimit(node.workers[0], resource.RLIMIT_FSIZE, limits)
        node.wait_records("call.verdict", 3)
        Call(node, pbx, "call-3")
        core.receive(b"INVITE")
        (gap,) = node.wait_records("gap", 1)
        assert (gap["reason"], gap["lost"]) == ("late", 0)
        node.stop()
    finally:
        node.kill()


def test_what_is_recorded_is_found_by_its_number(node: Proxy, core: Sink, pbx: Sink) -> None:
    """The control process indexes while calls are made; so `call search` answers from the index."""
    assert Call(node, pbx, "spoofed", SPOOFED).status() == 403
    Call(node, pbx, "good")
    core.receive(b"INVITE")
    database = node.directory / "records" / "index.db"
    until(lambda: database.exists() and (index := open_index(f"sqlite:{database}", Path())).usable() and len(search(index, Question(), 9)) == 2)  # fmt: skip
    found = subprocess.run(
        [sys.executable, "-P", "-m", "proxy", "call", "search", "--number", SPOOFED, "--output", "json", "-c", "trunkward.yaml"],
        cwd=node.directory, capture_output=True, check=True,
    )  # fmt: skip
    assert [record["call_id"] for record in json.loads(found.stdout)] == ["spoofed"]
    node.stop()
