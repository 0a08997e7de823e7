"""A PostgreSQL server of its own: made in a temporary directory, on a free port of loopback, gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.wire.peers import absent, free_port

SPEED = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=30")


def _binaries() -> Path:
    """The directory of the newest server programs, or a skip."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        absent("PostgreSQL is missing: apt-get install postgresql")
    return found[-1].parent if found else Path(str(on_path)).parent


class Server:
    """A running server; `database` makes an empty database and returns its URL."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._made = 0

    def url(self, name: str) -> str:
        return f"postgresql://trunkward@127.0.0.1:{self._port}/{name}"

    def database(self, template: str = "template0") -> str:
        self._made += 1
        name = f"t{self._made}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


def _user() -> list[str]:
    """What a command begins with to run as somebody whom initdb accepts: it refuses root."""
    if os.geteuid() != 0:
        return []
    if shutil.which("runuser") is None:
        absent("runuser is missing: apt-get install util-linux")
    return ["runuser", "-u", "postgres", "--"]


@contextmanager
def running() -> Iterator[Server]:
    """Start a server, or skip with the reason."""
    programs, prefix = _binaries(), _user()
    place = Path(tempfile.mkdtemp(prefix="trunkward-pg-"))
    if prefix:
        shutil.chown(place, "postgres")
    port = free_port()

    def run(program: str, *arguments: str) -> None:
        command = [*prefix, str(programs / program), *arguments]
        with (place / "out").open("ab") as out:  # no pipe: the server would keep it open
            done = subprocess.run(command, cwd="/", stdout=out, stderr=out, check=False, timeout=60)
        assert done.returncode == 0, (place / "out").read_text(errors="replace")

    data = str(place / "data")
    try:
        run("initdb", "-D", data, "-U", "trunkward", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {place} " + " ".join(f"-c {each}" for each in SPEED)
        run("pg_ctl", "-D", data, "-l", str(place / "data" / "log"), "-w", "-o", options, "start")
        try:
            yield Server(port)
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(place, ignore_errors=True)
