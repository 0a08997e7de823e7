"""A pjsua2 phone, as the test sees it: a child process that takes commands and tells events."""

from __future__ import annotations

import importlib.util
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.wire.peers import absent

_WORKER: Final = Path(__file__).with_name("phone_worker.py")
_SECONDS: Final = 20.0

Event = dict[str, Any]


class Phone:
    """One phone at `host:port`; what pjsua2 logs stands in `<name>.err`."""

    def __init__(self, directory: Path, name: str, host: str, port: int) -> None:
        if importlib.util.find_spec("pjsua2") is None:
            absent("pjsua2 is missing: pip install 'trunkward[dial]' (Linux x86_64, Python < 3.13)")
        self.name, self.host, self.port = name, host, port
        self.log = directory / f"{name}.err"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", str(_WORKER), host, str(port)],
                cwd=directory,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._events: queue.Queue[Event] = queue.Queue()
        self._reader = threading.Thread(target=self._read, name=name)
        self._reader.start()
        self.expect("ready")

    def call(self, to: str, sender: str, headers: dict[str, str] | None = None) -> None:
        """Call a URI, showing `sender` as From, with more header fields."""
        self._tell({"do": "call", "to": to, "from": sender, "headers": headers or {}})

    def hang_up(self) -> None:
        """End the call."""
        self._tell({"do": "hangup"})

    def expect(self, event: str) -> Event:
        """Return the next event, which must be this one."""
        try:
            got = self._events.get(timeout=_SECONDS)
        except queue.Empty:
            raise AssertionError(f"{self.name}: no {event}\n{self._log_end()}") from None
        assert got["event"] == event, f"{self.name}: {got} instead of {event}\n{self._log_end()}"
        return got

    def wait_media(self, enough: Callable[[Event], bool]) -> Event:
        """Ask for the media statistics until they satisfy `enough`."""
        deadline = time.monotonic() + _SECONDS
        while True:
            self._tell({"do": "media"})
            media = self.expect("media")
            if enough(media):
                return media
            assert time.monotonic() < deadline, f"{self.name}: {media}\n{self._log_end()}"
            time.sleep(0.1)

    def quit(self) -> None:
        """Put the phone away; it must end in peace, for pjsua2 aborts when it is misused."""
        self._tell({"do": "quit"})
        self.expect("ended")
        assert self.process.wait(_SECONDS) == 0, self._log_end()

    def kill(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def _tell(self, command: Event) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode("utf-8") + b"\n")
        self.process.stdin.flush()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._events.put(json.loads(line))

    def _log_end(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-3000:]
