"""Who is measured: Trunkward, and Kamailio doing the same, each with 1,000,000 allocated numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.wire.kamailio import Kamailio
from tests.wire.peers import CORE, Program, free_port
from tests.wire.trunkward import Proxy, Setting

NUMBERS: Final = 1_000_000
CALLED_WITH: Final = 4_000  # so many different numbers call, spread over all
_FIRST: Final = 862_420_000_000
_STEP: Final = 37  # no two neighbours, so that no list can be folded into a few ranges


def allocated() -> Iterator[str]:
    """Every allocated number, ascending."""
    return (f"+{_FIRST + _STEP * index}" for index in range(NUMBERS))


def write_callers(file: Path, offset: int) -> None:
    """Write SIPp's injection file: allocated numbers with offset 0, numbers of nobody with 1."""
    stride = NUMBERS // CALLED_WITH * 7919  # visits them in no order
    rows = [f"+{_FIRST + _STEP * (index * stride % NUMBERS) + offset}" for index in range(CALLED_WITH)]
    file.write_text("SEQUENTIAL\n" + "".join(f"{row}\n" for row in rows), encoding="ascii")


class Contender:
    """One running proxy under measurement."""

    def __init__(self, name: str, program: Program, port: int) -> None:
        self.name = name
        self.program = program
        self.address = (CORE, port)

    @property
    def pid(self) -> int:
        """The leader of its session."""
        return self.program.process.pid


class Trunkward(Contender):
    """`trunkward serve`, mode block, records on, the numbers from a CSV file."""

    def __init__(self, directory: Path, core_port: int) -> None:
        home = directory / "trunkward"
        home.mkdir()
        with (home / "numbers.csv").open("w", encoding="ascii") as file:
            file.write("first,last,valid_from,valid_to,purpose,proof\n")
            file.writelines(f"{number},,,,,\n" for number in allocated())
        self.proxy = Proxy(home, Setting(core_port, more="      - {csv: numbers.csv}\n"))
        super().__init__("trunkward", self.proxy.program, self.proxy.port)

    def records(self) -> int:
        """Lines of the record files: call.verdict and call.end."""
        return sum(file.read_bytes().count(b"\n") for file in self.proxy.record_files())

    def stop(self) -> None:
        """End it, records written."""
        self.proxy.stop()


class KamailioScreening(Contender):
    """Kamailio on `kamailio.cfg`, the numbers in a htable filled from a db_text table."""

    def __init__(self, directory: Path, core_port: int) -> None:
        tables = directory / "tables"
        tables.mkdir()
        columns = "id(int,auto) key_name(string) key_type(int) value_type(int) key_value(string) expires(int)\n"
        with (tables / "allocated").open("w", encoding="ascii") as file:
            file.write(columns)
            file.writelines(f"{row}:{number}:0:0:acme-1:0\n" for row, number in enumerate(allocated(), 1))
        (tables / "version").write_text("table_name(string) table_version(int)\nallocated:2\n", encoding="ascii")
        port = free_port()
        values = {
            "LISTEN": f"udp:{CORE}:{port}",
            "NEXT_HOP": f'"sip:{CORE}:{core_port}"',
            "TABLES": f'"text://{tables}"',
            "CHILDREN": "1",
        }
        config = Path(__file__).with_name("kamailio.cfg")
        self.kamailio = Kamailio(directory, config, port, values, memory=(2048, 1024))
        super().__init__("kamailio", self.kamailio.program, port)

    def records(self) -> int:
        """Lines of its log: acc's for INVITE and BYE, and the refusals."""
        text = self.program.err.read_bytes()
        return text.count(b"ACC: ") + text.count(b"REFUSED: ")

    def stop(self) -> None:
        """End it."""
        self.kamailio.stop()
