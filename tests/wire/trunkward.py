"""Trunkward itself as a peer: the real program on a configuration of its own, its records and its metrics."""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from tests.wire.peers import CALLER, CORE, OTHER, START_SECONDS, STOP_SECONDS, Program, free_port

Record = dict[str, Any]

_CONFIG: Final = """\
node: {{name: wire, mode: {mode}, workers: {workers}, answer_strangers: {strangers}, state: "{here}/state"}}
listen:
  - {{name: access, transport: udp, address: "{host}:{port}"}}
{listen}core:
  next_hops: [{{uri: "{core_uri}{by}", priority: 1, weight: 10}}{hops}]
  ring_timeout: {ring_timeout}
{watch}directory: {{url: "file:directory.yaml", max_shrink: 20%}}
numbering: {{country: "86", emergency: ["110", "119", "120", "122"]}}
{identity}{sections}records: {{directory: "{here}/records", mask_numbers: false, retention: 180d{records}}}
metrics: {{address: "{host}:{metrics}"}}
admin: {{address: "{host}:{admin}"}}
"""

_DIRECTORY: Final = """\
customers:
  - {{id: acme, name: "Acme 呼叫中心"}}
  - {{id: bolt, name: "Bolt"}}
trunks:
  - id: acme-1
    customer: acme
    role: access
    sources: ["{caller}/32"]
    gateway: ["sip:{caller}:{gateway_port}{gateway_by}"{gateways}]
    pilot_number: "+862488880000"
    dial_plan: {{country: "86", area: "24", strip: ["9"]}}
    allocations:
      - {{first: "+862488880000", last: "+862488880099", purpose: "customer service"}}
      - {{number: "+864008001234"}}
{more}  - id: bolt-1
    customer: bolt
    role: access
    sources: ["{other}/32"]
    gateway: ["sip:{other}:{gateway_port}"]
    dial_plan: {{country: "86", area: "21"}}
    allocations:
      - {{first: "+862155550000", last: "+862155550009"}}
{trunks}"""

_OPTIONS: Final = """\
OPTIONS sip:{host}:{port} SIP/2.0\r
Via: SIP/2.0/UDP {me}:{my_port};branch=z9hG4bK-ready-{n};rport\r
From: <sip:ready@{me}>;tag=r\r
To: <sip:{host}:{port}>\r
Call-ID: ready-{n}@{me}\r
CSeq: {n} OPTIONS\r
Max-Forwards: 70\r
Content-Length: 0\r
\r
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """
    What a test may choose about the proxy; `more` are extra lines under the allocations of acme-1, `identity` is
    that section of the configuration, `trunks` are further trunks; `hops` and `gateways` are more entries of these
    lists, each after a comma, `watch` are extra lines of the section core; `strangers` says whether sources that
    are no trunk are answered; `sections` are further sections of the configuration, `records` more entries of that one,
    each after a comma; `workers` is how many processes carry the calls; `core_uri` is the first next hop where it is a
    name.
    """

    core_port: int
    mode: str = "block"
    gateway_port: int = 5060
    ring_timeout: str = "180s"
    core: str = CORE
    more: str = ""
    identity: str = ""
    trunks: str = ""
    hops: str = ""
    gateways: str = ""
    watch: str = ""
    strangers: str = "false"
    listen: str = ""
    by: str = ""
    gateway_by: str = ""
    sections: str = ""
    core_uri: str = ""
    records: str = ""
    workers: int = 1


class Proxy:
    """A running `trunkward serve`; `directory` holds its configuration, state and records."""

    def __init__(self, directory: Path, setting: Setting) -> None:
        self.directory = directory
        self.setting = setting
        self.host, self.port, self.metrics_port, self.admin_port = CORE, free_port(), free_port(), free_port()
        self.write(setting)
        self.program = self._start()

    @property
    def address(self) -> tuple[str, int]:
        """Where the proxy listens for SIP."""
        return self.host, self.port

    @property
    def workers(self) -> list[int]:
        """The process ids of its workers, oldest first."""
        pid = self.program.process.pid
        children = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split())
        return [each for each in children if b"serve" in _words_of(each)]

    def write(self, setting: Setting) -> None:
        """Write trunkward.yaml and directory.yaml for this setting."""
        fixed = {"here": str(self.directory), "host": self.host, "caller": CALLER, "other": OTHER}
        ports = {"port": self.port, "metrics": self.metrics_port, "admin": self.admin_port}
        values: dict[str, Any] = {**fixed, **ports, **asdict(setting)}
        values["core_uri"] = setting.core_uri or f"sip:{setting.core}:{setting.core_port}"
        (self.directory / "trunkward.yaml").write_text(_CONFIG.format(**values), encoding="utf-8")
        (self.directory / "directory.yaml").write_text(_DIRECTORY.format(**values), encoding="utf-8")

    def restart(self) -> None:
        """Start the program again after `kill`, on the same files and addresses."""
        self.program = self._start()

    def reload(self, **changes: str) -> Record:
        """Write a changed setting, send SIGHUP and return what `reload.json` then says."""
        self.write(replace(self.setting, **changes))  # type: ignore[arg-type]
        return self.hang_up()

    def hang_up(self) -> Record:
        """Send SIGHUP and wait until the result of that reload stands in `reload.json`."""
        file = self.directory / "state" / "reload.json"
        before = file.stat().st_mtime_ns if file.exists() else 0
        self.program.send(signal.SIGHUP)
        deadline = time.monotonic() + START_SECONDS
        while not file.exists() or file.stat().st_mtime_ns == before:
            assert time.monotonic() < deadline, f"no reload.json\n{self.program.complaint()}"
            time.sleep(0.02)
        result: Record = json.loads(file.read_bytes())
        return result

    def stop(self) -> None:
        """Stop with SIGTERM: it must end with 0 and never have shown a traceback."""
        status = self.program.stop(STOP_SECONDS)
        errors = self.program.err.read_text(encoding="utf-8", errors="replace")
        out = self.program.out.read_text(encoding="utf-8", errors="replace")
        assert status == 0, self.program.complaint()
        assert "Traceback" not in errors + out, self.program.complaint()

    def kill(self) -> None:
        """SIGKILL, to all its processes."""
        self.program.kill()

    def log(self, event: str) -> list[Record]:
        """The lines of its log that tell of this event."""
        lines = self.program.err.read_text(encoding="utf-8").splitlines()
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def record_files(self) -> list[Path]:
        """The record files, oldest first."""
        return sorted((self.directory / "records").glob("calls-*.jsonl"))

    def records(self, event: str = "") -> list[Record]:
        """Every record (of one event), in order; a line that is not whole is an error."""
        data = b"".join(file.read_bytes() for file in self.record_files())
        assert data.endswith(b"\n") or not data, data[-200:]
        every = [json.loads(line) for line in data.split(b"\n") if line]
        return [record for record in every if event in ("", record["event"])]

    def wait_records(self, event: str, number: int, seconds: float = 10.0) -> list[Record]:
        """Wait until that many records of the event are written: they are written off the SIP path."""
        deadline = time.monotonic() + seconds
        while len(found := self._written(event)) < number and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(found) == number, f"{len(found)} records of {event}, not {number}\n{found[:4]}"
        return found

    def metrics(self) -> defaultdict[tuple[str, ...], float]:
        """
        Every sample of /metrics: (name, "label=value" …, labels sorted) → value.

        Missing samples read 0, as in `proxy.metrics()["trunkward_calls_total", "mode=block", …]`.
        """
        with urlopen(f"http://{self.host}:{self.metrics_port}/metrics", timeout=10) as answer:
            text = answer.read().decode("utf-8")
        samples: defaultdict[tuple[str, ...], float] = defaultdict(float)
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = sorted(f"{name}={value}" for name, value in sample.labels.items())
                samples[sample.name, *labels] += sample.value
        return samples

    def _written(self, event: str) -> list[Record]:
        """As `records`, but a last line still being written is left out."""
        data = b"".join(file.read_bytes() for file in self.record_files())
        every = [json.loads(line) for line in data.split(b"\n")[:-1]]
        return [record for record in every if record["event"] == event]

    def _start(self) -> Program:
        argv = [sys.executable, "-P", "-m", "proxy", "serve", "-c", "trunkward.yaml"]
        program = Program("trunkward", argv, self.directory)
        try:
            self._wait_ready(program)
        except BaseException:
            program.kill()
            raise
        return program

    def _wait_ready(self, program: Program) -> None:
        """Ask with OPTIONS, as the trunk, until 200 comes back."""
        deadline = time.monotonic() + START_SECONDS
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as me:
            me.bind((CALLER, 0))
            me.settimeout(0.1)
            n = 0
            while time.monotonic() < deadline and program.process.poll() is None:
                n += 1
                text = _OPTIONS.format(host=self.host, port=self.port, me=CALLER, my_port=me.getsockname()[1], n=n)
                me.sendto(text.encode("ascii"), self.address)
                try:
                    if me.recv(65536).startswith(b"SIP/2.0 200 "):
                        return
                except (TimeoutError, ConnectionRefusedError):
                    time.sleep(0.02)
        raise RuntimeError(f"the proxy did not get ready\n{program.complaint()}")


def _words_of(pid: int) -> list[bytes]:
    """What a process was started with; nothing of one that has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def rules(record: Record) -> set[str]:
    """The rules that a record's findings name."""
    return {finding["rule"] for finding in record["findings"]}
