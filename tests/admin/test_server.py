"""The control process as its users meet it: over HTTP, and when the SIP process is gone."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import pytest
import trustme

from proxy.admin.process import ControlError, spawn
from proxy.core.tally import Tally
from proxy.net.line import RELOADED, WORKER, say
from proxy.observe.channel import LENGTH, QUESTION
from proxy.observe.metrics import snapshot
from tests.admin.stage import (
    OTHER_TOKEN,
    TOKEN,
    Client,
    Heard,
    Repository,
    repository,
    signing,
    verification,
    write_config,
    write_identity,
)
from tests.wire.peers import free_port


class Node:
    """A node of one worker reduced to its two lines to the control process; `line` is the supervisor's."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.silent = Event()
        self.begin()

    def begin(self) -> None:
        """A worker begins, in the place of the one before if there is one."""
        asks, self.channel = socket.socketpair()
        with asks:
            assert say(self.line, WORKER, b"0", asks.fileno())
        Thread(target=self._run, args=(self.channel,), daemon=True).start()

    def reload(self) -> None:
        """Say that the node has a new configuration."""
        assert say(self.line, RELOADED)

    def _run(self, channel: socket.socket) -> None:
        tally = Tally()
        tally.count["retransmissions_total",] = 3
        data = snapshot(tally, {("transactions",): 7.0})
        with channel, contextlib.suppress(OSError):
            while asked := channel.recv(64):
                assert asked == QUESTION
                if not self.silent.is_set():
                    channel.sendall(LENGTH.pack(len(data)) + data)


@pytest.fixture
def control() -> Iterator[tuple[Node, int, int, subprocess.Popen[bytes]]]:
    metrics, admin = free_port(), free_port()
    process, channel = spawn(("127.0.0.1", metrics), ("127.0.0.1", admin))
    node = Node(channel)
    eventually(lambda: ask(admin, "/readyz")[0] == 200)
    yield node, metrics, admin, process
    process.kill()
    process.wait()
    channel.close()
    node.channel.close()


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def ask(port: int, path: str, method: str = "GET") -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, path)
    response = connection.getresponse()
    return response.status, response.getheader("Content-Type") or "", response.read()


def test_pages(control: tuple[Node, int, int, subprocess.Popen[bytes]]) -> None:
    _, metrics, admin, _ = control

    assert b"\ntrunkward_transactions 7.0\n" in ask(metrics, "/metrics")[2]
    assert ask(metrics, "/metrics?x=1", "HEAD")[::2] == (200, b"")
    assert ask(admin, "/healthz")[0] == ask(admin, "/readyz")[0] == 200


@pytest.mark.parametrize("path", ["/", "/metrics", "/../etc/passwd"])
def test_other_pages_are_problem_documents(control: tuple[Node, int, int, subprocess.Popen[bytes]], path: str) -> None:
    status, kind, body = ask(control[2], path)

    assert (status, kind, json.loads(body)["status"]) == (404, "application/problem+json", 404)


def test_other_methods_are_refused(control: tuple[Node, int, int, subprocess.Popen[bytes]]) -> None:
    assert ask(control[1], "/metrics", "POST")[:2] == (405, "application/problem+json")


def test_not_ready_while_the_sip_process_hangs(
    control: tuple[Node, int, int, subprocess.Popen[bytes]],
) -> None:
    node, metrics, admin, _ = control
    assert ask(metrics, "/metrics")[0] == 200
    node.silent.set()

    assert ask(admin, "/readyz")[:2] == (503, "application/problem+json")
    assert ask(admin, "/healthz")[0] == 200
    assert b"trunkward_transactions 7.0" in ask(metrics, "/metrics")[2]  # the last values


def test_what_a_worker_has_counted_stays_when_another_takes_its_place(
    control: tuple[Node, int, int, subprocess.Popen[bytes]],
) -> None:
    node, metrics, admin, _ = control
    assert b"\ntrunkward_retransmissions_total 3.0\n" in ask(metrics, "/metrics")[2]
    node.channel.shutdown(socket.SHUT_RDWR)
    eventually(lambda: ask(admin, "/readyz")[0] == 503)
    assert b"\ntrunkward_retransmissions_total 3.0\n" in ask(metrics, "/metrics")[2]
    node.begin()
    eventually(lambda: ask(admin, "/readyz")[0] == 200)
    told = ask(metrics, "/metrics")[2]
    assert b"\ntrunkward_retransmissions_total 6.0\n" in told
    assert b"\ntrunkward_transactions 7.0\n" in told
    assert b"\ntrunkward_worker_restarts_total 1.0\n" in told


def test_it_ends_with_the_supervisor(control: tuple[Node, int, int, subprocess.Popen[bytes]]) -> None:
    node, _, _, process = control
    node.line.shutdown(socket.SHUT_RDWR)

    assert process.wait(10) == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGINT])
def test_signals_of_a_whole_group_are_for_the_sip_process(
    control: tuple[Node, int, int, subprocess.Popen[bytes]], number: signal.Signals
) -> None:
    control[3].send_signal(number)
    time.sleep(0.1)
    assert ask(control[2], "/healthz")[0] == 200


def test_taken_address_is_said_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ControlError):
            spawn(("127.0.0.1", port), ("127.0.0.1", free_port()))
    assert f"127.0.0.1:{port}" in capfd.readouterr().err


# --- /stir over the wire ----------------------------------------------------------------------------------

SIGNING, VERIFICATION = "/stir/v1/signing", "/stir/v1/verification"
MUTUAL = "admin: {certificate: own.pem, key: own.key, client_ca: clients.pem, tokens: tokens}\n"


@dataclass
class Stage:
    """A control process on a configuration that signs and verifies, and the keys of both sides."""

    directory: Path
    repository: Repository
    server_ca: trustme.CA
    client_ca: trustme.CA
    node: Node | None = None
    port: int = 0
    metrics: int = 0

    def write(self, more: str) -> Path:
        return write_config(self.directory, self.repository.identity() + more)

    def certify(self, ca: trustme.CA) -> None:
        """A new certificate for the admin address."""
        made = ca.issue_cert("127.0.0.1")
        (self.directory / "own.pem").write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
        (self.directory / "own.key").write_bytes(made.private_key_pem.bytes())

    @contextlib.contextmanager
    def running(self, more: str) -> Iterator[None]:
        self.port, self.metrics = free_port(), free_port()
        process, channel = spawn(("127.0.0.1", self.metrics), ("127.0.0.1", self.port), self.write(more))
        self.node = Node(channel)
        try:
            yield
        finally:
            process.kill()
            process.wait()
            channel.close()
            self.node.channel.close()

    def reloaded(self) -> None:
        assert self.node is not None
        self.node.reload()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with repository(tmp_path, time.time()) as served:
        made = Stage(tmp_path, served, trustme.CA(), trustme.CA())
        made.certify(made.server_ca)
        (tmp_path / "clients.pem").write_bytes(made.client_ca.cert_pem.bytes())
        (tmp_path / "tokens").write_text(f"{TOKEN}\n")
        yield made


def through(client: Client, token: str = "") -> list[str]:
    """A call signed and verified: the verstat of each of two calls, of which the second has another caller."""
    now = time.time()
    identity = client.ask(SIGNING, signing(now), token).json["signingResponse"]["identity"]
    bodies = [verification(identity, now), verification(identity, now, orig="12155551213")]
    return [client.ask(VERIFICATION, body, token).json["verificationResponse"]["verstat"] for body in bodies]


def status(client: Client, token: str = "") -> int:
    return client.ask(SIGNING, signing(time.time()), token).status


def until(client: Client, token: str, expected: int) -> None:
    deadline = time.monotonic() + 5
    while status(client, token) != expected:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_on_loopback_everybody_may_ask(stage: Stage) -> None:
    with stage.running(""):
        client = Client(stage.port)
        assert through(client) == ["TN-Validation-Passed", "TN-Validation-Failed"]
        exposed = ask(stage.metrics, "/metrics")[2]
        assert client.ask(SIGNING, signing(time.time()), Origin="https://page.example").status == 401
    assert b'\ntrunkward_stir_requests_total{kind="verification",result="failed"} 1.0\n' in exposed
    assert b'\ntrunkward_stir_requests_total{kind="signing",result="signed"} 1.0\n' in exposed


def test_a_certificate_or_a_token_over_tls(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    with stage.running(MUTUAL):
        nobody = Client(stage.port, stage.server_ca)
        sbc = Client(stage.port, stage.server_ca, stage.client_ca.issue_cert("sbc.example"))
        stranger = Client(stage.port, stage.server_ca, trustme.CA().issue_cert("sbc.example"))

        assert through(sbc) == ["TN-Validation-Passed", "TN-Validation-Failed"]
        assert through(nobody, TOKEN) == ["TN-Validation-Passed", "TN-Validation-Failed"]
        assert [status(nobody), status(nobody, OTHER_TOKEN), status(nobody, TOKEN + "x")] == [401, 401, 401]
        assert nobody.ask("/healthz").status == nobody.ask("/readyz").status == 200
        with pytest.raises((ssl.SSLError, ConnectionError)):
            status(stranger)
        with pytest.raises((http.client.HTTPException, OSError)):
            status(Client(stage.port), TOKEN)  # clear text
    assert capfd.readouterr().err == ""  # who was refused is no news: a metric says how many


def test_old_tls_is_refused(stage: Stage) -> None:
    with stage.running(MUTUAL):
        client = ssl.create_default_context(cadata=stage.server_ca.cert_pem.bytes().decode())
        client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_2
        with socket.create_connection(("127.0.0.1", stage.port)) as plain, client.wrap_socket(plain, server_hostname="127.0.0.1") as tls:  # fmt: skip
            assert tls.version() == "TLSv1.2"
        client.set_ciphers("DEFAULT:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", stage.port)) as plain, pytest.raises(ssl.SSLError):
            client.wrap_socket(plain, server_hostname="127.0.0.1")


def test_a_reload_is_followed(stage: Stage) -> None:
    with stage.running(MUTUAL):
        before = Client(stage.port, stage.server_ca)
        assert status(before, TOKEN) == 200
        other = trustme.CA()
        stage.certify(other)
        (stage.directory / "tokens").write_text(f"{OTHER_TOKEN}\n")
        assert status(before, TOKEN) == 200  # nobody has said anything
        stage.reloaded()
        after = Client(stage.port, other)
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(ssl.SSLError, TimeoutError):  # who comes in the very moment may be let down
                if (status(after, TOKEN), status(after, OTHER_TOKEN)) == (401, 200):
                    break
            assert time.monotonic() < deadline
        with pytest.raises(ssl.SSLError):
            status(before, OTHER_TOKEN)


def test_a_broken_file_keeps_the_services(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    with stage.running("admin: {tokens: tokens}\n"):
        client = Client(stage.port)
        (stage.directory / "tokens").write_text(f"{OTHER_TOKEN}\n")
        (stage.directory / "sp.key").write_bytes(b"broken")
        stage.reloaded()
        time.sleep(0.5)
        assert through(client, TOKEN) == ["TN-Validation-Passed", "TN-Validation-Failed"]
        stage.repository.pages["/sp.pem"] = write_identity(stage.directory, time.time())
        stage.reloaded()
        until(client, TOKEN, 401)
        assert through(client, OTHER_TOKEN) == ["TN-Validation-Passed", "TN-Validation-Failed"]
    said = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["event"] for line in said] == ["control.reload_refused"]
    assert "identity.sign.key" in said[0]["problems"][0]


def test_a_configuration_that_is_broken_from_the_start(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    (stage.directory / "tokens").unlink()
    with pytest.raises(ControlError), stage.running("admin: {tokens: tokens}\n"):
        pass
    assert "admin.tokens" in capfd.readouterr().err


@pytest.mark.parametrize("length", [64 * 1024 + 1, 900_000, 50_000_000])
def test_a_huge_body(stage: Stage, length: int) -> None:
    with stage.running(""):
        heard: Heard | None = None
        with contextlib.suppress(ConnectionError):  # what is far too much is not read to its end
            heard = Client(stage.port).ask(SIGNING, b"x" * length)
        assert length > 1_000_000 or (heard is not None and heard.error == (413, "POL4130", ["65536"]))
        assert status(Client(stage.port)) == 200


def test_answers_on_one_connection_do_not_wait_for_each_others_acknowledgement(stage: Stage) -> None:
    with stage.running(""), contextlib.closing(Client(stage.port).connection()) as connection:
        body = json.dumps(signing(time.time()))
        before = time.monotonic()
        for _ in range(50):
            connection.request("POST", SIGNING, body, {"Content-Type": "application/json"})
            assert connection.getresponse().read().startswith(b'{"signingResponse"')
        assert time.monotonic() - before < 1.5  # 2 s of delayed acknowledgements otherwise


def test_chunks_have_no_length(stage: Stage) -> None:
    with stage.running(""), contextlib.closing(Client(stage.port).connection()) as connection:
        body = iter([json.dumps(signing(time.time())).encode()])
        connection.request("POST", SIGNING, body, {"Content-Type": "application/json"}, encode_chunked=True)
        response = connection.getresponse()
        assert (response.status, json.load(response)["requestError"]["serviceException"]["messageId"]) == (411, "SVC4007")  # fmt: skip


def test_a_client_that_stops_in_its_body(stage: Stage) -> None:
    with stage.running(""), socket.create_connection(("127.0.0.1", stage.port), 15) as client:
        head = f"POST {SIGNING} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{{"
        client.sendall(head.encode())
        assert status(Client(stage.port)) == 200  # nobody waits for it
        heard = client.recv(65536)
        while not heard.endswith(b"}\n"):
            heard += client.recv(65536)
        assert heard.startswith(b"HTTP/1.1 408 ")
        assert b"POL4080" in heard
        assert client.recv(10) == b""


def test_the_examples_of_the_manual_work(stage: Stage, root: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    page = (root / "docs" / "http.md").read_text(encoding="utf-8")
    sign, _, verify = (block for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL))
    with stage.running(""):
        at = (sign + verify).count("127.0.0.1:8080")
        sign, verify = (text.replace("127.0.0.1:8080", f"127.0.0.1:{stage.port}") for text in (sign, verify))

        def run(script: str, **environment: str) -> object:
            done = subprocess.run(["sh", "-c", script], capture_output=True, check=True, env={"PATH": "/usr/bin:/bin", **environment}, timeout=20)  # fmt: skip
            return json.loads(done.stdout)

        signed = run(sign)
        assert isinstance(signed, dict)
        verified = run(verify, IDENTITY=signed["signingResponse"]["identity"])
    assert (at, verified) == (2, {"verificationResponse": {"verstat": "TN-Validation-Passed"}})
