"""What systemd hears, on a socket of the test's."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from proxy.supervisor.notify import Notify


@pytest.mark.parametrize("abstract", [False, True])
def test_each_news_is_a_datagram(abstract: bool, tmp_path: Path) -> None:
    path = f"@trunkward-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + path[1:] if abstract else path)
        systemd.settimeout(5)
        notify = Notify({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "4000000"})
        notify.ready(7)
        notify.reloading()
        notify.stopping()
        for now in (10.0, 11.9, 12.1):
            notify.alive(now)
        heard = [systemd.recv(200).decode() for _ in range(5)]
        systemd.setblocking(False)
        with pytest.raises(BlockingIOError):
            systemd.recv(200)
    assert heard[0] == "READY=1\nMAINPID=7"
    assert heard[1].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert heard[2:] == ["STOPPING=1", "WATCHDOG=1", "WATCHDOG=1"]


def test_without_systemd_nothing_is_said_and_a_systemd_that_is_gone_is_no_trouble(tmp_path: Path) -> None:
    Notify({}).ready(1)
    Notify({}).alive(1.0)
    Notify({"NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "1"}).alive(1.0)
