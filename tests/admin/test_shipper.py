"""The shipping process as the control process starts it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from proxy.admin.services import read
from proxy.admin.shipper import shipper_of, terms_of
from tests.admin.stage import write_config
from tests.observe.chains import DAYS, name_of, records
from tests.wire.nats_server import NatsServer
from tests.wire.peers import free_port

SHIPPING = 'shipping: {{nats: {{servers: ["nats://127.0.0.1:{port}"], {more}}}}}\nrecords: {{directory: records}}\n'


def started(config: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "proxy.admin.shipper", "--config", str(config)]
    return subprocess.Popen(
        command, cwd=config.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / name_of(DAYS[0])).write_bytes(b"".join(records(700)))
    (tmp_path / "var" / "state").mkdir(parents=True)
    return tmp_path


def until_published(process: subprocess.Popen[bytes], count: int) -> dict[tuple[str, ...], Any]:
    assert process.stdout is not None
    while line := process.stdout.readline():
        values = {tuple(key): value for key, value in json.loads(line)}
        if values["shipping_published_total",] >= count:
            return values
    raise AssertionError("it ended")


def test_what_the_configuration_says_of_the_stream(directory: Path) -> None:
    (directory / "password").write_text("secret\n")
    more = "stream: S, subject: a.b, replicas: 3, keep: 2d, max_bytes: 1048576, user: gw1, password: password"
    config = write_config(directory, SHIPPING.format(port=4222, more=more))
    found = read(config)
    assert found.settings.shipping.nats is not None
    terms = terms_of(config, found.settings.shipping.nats, found)
    assert (terms.servers, terms.stream, terms.subject, terms.replicas, terms.keep, terms.max_bytes) == (
        ("nats://127.0.0.1:4222",), "S", "a.b", 3, 2 * 86400, 1048576,
    )  # fmt: skip
    assert (terms.tls, terms.credentials, terms.user, terms.password) == (None, None, "gw1", "secret")
    assert shipper_of(config, found.settings.shipping.nats, found).published == 0


def test_it_ships_until_it_is_told_to_end_and_goes_on_from_there(directory: Path) -> None:
    server = NatsServer(directory)
    file = directory / "records" / name_of(DAYS[0])
    try:
        config = write_config(directory, SHIPPING.format(port=server.port, more=""))
        for run, end in enumerate(("hang-up", "SIGTERM", "SIGKILL")):
            with started(config) as process:
                values = until_published(process, 20 if run else 700)
                assert (values["shipping_up",], values["shipping_lag_records",]) == (1, 0)
                assert process.stdin is not None
                process.stdin.close() if end == "hang-up" else process.send_signal(getattr(signal, end))
                assert process.wait(20) == (-9 if end == "SIGKILL" else 0)
                assert process.stderr is not None
                said = process.stderr.read().decode()
            assert "shipping.works" in said
            assert "Traceback" not in said
            with file.open("ab") as out:
                out.write(b"".join(records(720 + 20 * run)[700 + 20 * run :]))
        assert server.count() == 740
    finally:
        server.kill()


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        (SHIPPING.format(port=free_port(), more="password: p"), 1, "needs user beside it"),
        ("", 0, ""),
    ],
    ids=["wrong", "nothing-to-ship"],
)
def test_a_configuration_that_ships_nothing(more: str, status: int, said: str, directory: Path) -> None:
    process = started(write_config(directory, more))
    assert said in process.communicate(timeout=30)[1].decode()
    assert process.returncode == status
