"""Who is measured: Trunkward, and Kamailio doing the same, each with 1,000,000 allocated numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from proxy.demo import signers
from tests.wire.identity import Lab
from tests.wire.kamailio import Kamailio
from tests.wire.peers import CORE, Program, free_port
from tests.wire.trunkward import Proxy, Setting

NUMBERS: Final = 1_000_000
Service = Literal["", "verify", "sign", "tcp"]  # what is done with signed identities; by TCP on both sides
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


def write_signed(file: Path, lab: Lab, calls: int) -> None:
    """Write SIPp's injection file: allocated numbers, each with a token of its own that is fresh now."""
    stride = NUMBERS // CALLED_WITH * 7919
    numbers = [f"+{_FIRST + _STEP * (index * stride % NUMBERS)}" for index in range(calls)]
    rows = (f"{number};{lab.value(number).partition(';')[0]}" for number in numbers)
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

    def __init__(self, directory: Path, core_port: int, lab: Lab, service: Service) -> None:
        home = directory / f"trunkward{service}"
        home.mkdir()
        lab.furnish(home)
        with (home / "numbers.csv").open("w", encoding="ascii") as file:
            file.write("first,last,valid_from,valid_to,purpose,proof\n")
            file.writelines(f"{number},,,,,\n" for number in allocated())
        numbers = "      - {csv: numbers.csv}\n"
        setting = Setting(core_port, more=numbers)
        port = free_port() if service == "tcp" else 0
        if service == "tcp":
            listen = f'  - {{name: tcp, transport: tcp, address: "{CORE}:{port}"}}\n'
            setting = replace(setting, listen=listen, by=";transport=tcp")
        elif service:
            terms = "verify: when-present, sign: false" if service == "verify" else "verify: off, sign: true"
            whole = lab.setting(core_port)
            lenient = whole.identity.replace("identity:\n", "identity:\n  max_iat_age: 1h\n")
            setting = replace(whole, identity=lenient, more=f"{numbers}    identity: {{{terms}}}\n")
        self.proxy = Proxy(home, setting)
        super().__init__("trunkward", self.proxy.program, port or self.proxy.port)

    def records(self) -> int:
        """Lines of the record files: call.verdict and call.end."""
        return sum(file.read_bytes().count(b"\n") for file in self.proxy.record_files())

    def stop(self) -> None:
        """End it, records written."""
        self.proxy.stop()


class KamailioScreening(Contender):
    """Kamailio on `kamailio.cfg`, the numbers in a htable filled from a db_text table."""

    def __init__(self, directory: Path, core_port: int, lab: Lab, service: Service) -> None:
        tables = directory / f"tables{service}"
        tables.mkdir()
        columns = "id(int,auto) key_name(string) key_type(int) value_type(int) key_value(string) expires(int)\n"
        with (tables / "allocated").open("w", encoding="ascii") as file:
            file.write(columns)
            file.writelines(f"{row}:{number}:0:0:acme-1:0\n" for row, number in enumerate(allocated(), 1))
        (tables / "version").write_text("table_name(string) table_version(int)\nallocated:2\n", encoding="ascii")
        port = free_port()
        values = {
            "LISTEN": f"{'tcp' if service == 'tcp' else 'udp'}:{CORE}:{port}",
            "NEXT_HOP": f'"sip:{CORE}:{core_port}{";transport=tcp" if service == "tcp" else ""}"',
            "TABLES": f'"text://{tables}"',
            "CHILDREN": "1",
        }
        if service == "tcp":
            values["TCP"] = "1"
        elif service:
            key = lab.signers.key
            file = tables / "key.pem"
            public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            file.write_bytes(public if service == "verify" else signers.private_key(key))
            url = f'"{lab.repository.url}/sp.pem"'
            values |= {"SECSIPID": "1" if service == "verify" else "2", "KEY": f'"{file}"', "X5U": url}
        config = Path(__file__).with_name("kamailio.cfg")
        self.kamailio = Kamailio(directory, config, port, values, (2048, 1024), tcp=service == "tcp")
        super().__init__("kamailio", self.kamailio.program, port)

    def records(self) -> int:
        """Lines of its log: acc's for INVITE and BYE, and the refusals."""
        text = self.program.err.read_bytes()
        return text.count(b"ACC: ") + text.count(b"REFUSED: ")

    def stop(self) -> None:
        """End it."""
        self.kamailio.stop()
