"""Files that a configuration names: read whole, and what is wrong with one is a problem at its key."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

from proxy.settings.load import open_document
from proxy.settings.problems import Problem, ProblemList
from proxy.settings.yaml_strict import Path as Key
from proxy.settings.yaml_strict import dotted
from stirshaken import crl
from stirshaken.errors import MalformedError

MAX_OCTETS: Final = crl.MAX_OCTETS


def place_of(config: Path, name: str) -> Path:
    """Where a file is that a configuration names: beside the configuration, else from the working directory on."""
    beside = config.parent / name
    return beside if beside.exists() or not Path(name).exists() else Path(name)


class NamedFiles:
    """Reads the files that one configuration names; faults go to `found`, each where the file is named."""

    def __init__(self, config: Path, found: ProblemList, fault: str) -> None:
        """`fault` is the text for a file that cannot be used, which is told `file` and `reason`."""
        self._config = config
        self._document = open_document(config)
        self._found = found
        self._fault = fault

    def read(self, key: Key, name: str, check: Callable[[bytes], object]) -> bytes:
        """The octets of a file that `check` reads without MalformedError; b"" and a problem where it does not."""
        path = place_of(self._config, name)
        try:
            with path.open("rb") as file:
                data = file.read(MAX_OCTETS + 1)
            if len(data) > MAX_OCTETS:
                self.note(key, self._fault, file=str(path), reason="larger than 8 MiB")
                return b""
            check(data)
        except OSError as error:
            self.note(key, self._fault, file=str(path), reason=error.strerror or type(error).__name__)
            return b""
        except MalformedError as error:
            self.note(key, self._fault, file=str(path), reason=error.reason)
            return b""
        return data

    def check_pair(self, key: Key, certificate: str, private: str) -> None:
        """Note it at a key when a certificate and a private key, which have been read, do not belong together."""
        places = place_of(self._config, certificate), place_of(self._config, private)
        try:
            load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), *places)
        except OSError:
            self.note(key, "config.no_pair", file=f"{places[0]}, {places[1]}")

    def note(self, key: Key, message: str, **values: object) -> None:
        """Note a problem with the value at a key."""
        line, column = self._document.positions.value(key)
        self._found.add(Problem(self._document.file, line, column, dotted(key), message, values))


def check_ca(data: bytes) -> None:
    """Read the CA certificates of a PEM file as TLS does. Raises MalformedError where there is none."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=data.decode("ascii"))
    except (ssl.SSLError, ValueError):
        raise MalformedError("there is no CA certificate in it") from None


def check_pem(data: bytes) -> None:
    """Raises MalformedError for what is no PEM file."""
    if b"-----BEGIN " not in data:
        raise MalformedError("it is no PEM file")


def load_pair(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Take a certificate chain and its private key, without a password. Raises OSError (ssl.SSLError too)."""
    context.load_cert_chain(certificate, key, _no_password)


def _no_password() -> str:
    """Instead of OpenSSL's question on the terminal."""
    return ""
