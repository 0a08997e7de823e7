"""One connection: bounded in what it keeps, and opened from the address of its listener."""

from __future__ import annotations

import contextlib
import resource
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtensionOID, NameOID

from proxy.net.connection import OTHER_FILES, Connection, allow_files, begin_connect, open_listener
from proxy.net.tls import TlsFiles, contexts_of


def test_written_in_parts_and_read_whole() -> None:
    left, right = socket.socketpair()
    with left, right:
        left.setblocking(False)
        right.setblocking(False)
        one = Connection(left, 1, 0, ("192.0.2.1", 5060), 0.0)
        two = Connection(right, 2, 0, ("192.0.2.1", 5060), 0.0)
        sent = bytes(range(256)) * 8192
        one.out += sent
        found = b""
        while not one.write():
            found += two.read() or b""
        while part := two.read():
            found += part
        assert found == sent
        assert two.read() is None
        left.close()
        assert two.read() == b""


def test_opened_from_the_address_of_its_listener() -> None:
    with open_listener("127.0.0.1", 0) as listening, begin_connect("127.0.0.3", listening.getsockname()) as mine:
        listening.setblocking(True)
        peer, address = listening.accept()
        peer.close()
        assert address == mine.getsockname()
        assert address[0] == "127.0.0.3"


def test_an_address_that_cannot_be_had() -> None:
    with pytest.raises(OSError, match="address"), contextlib.closing(open_listener("192.0.2.1", 0)):
        pass
    with pytest.raises(OSError, match="address"), contextlib.closing(begin_connect("192.0.2.1", ("127.0.0.1", 9))):
        pass


def test_as_many_files_as_connections() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, before[1]))
        allow_files(500)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 500 + OTHER_FILES
        allow_files(10)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 500 + OTHER_FILES
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_certificate_that_nobody_can_read_proves_nothing(tmp_path: Path) -> None:
    """Python takes the names in it for UTF-8 and raises, which must not be met again with every octet that comes."""
    key = ec.generate_private_key(ec.SECP256R1())
    since, until = datetime(2020, 1, 1, tzinfo=UTC), datetime(2049, 1, 1, tzinfo=UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, since, until)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    odd = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\x30\x04\x82\x02\xff\xfe")
    pem = made.add_extension(odd, critical=False).sign(key, SHA256()).public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for stem, octets in (("c.pem", pem), ("c.key", secret)):
        (tmp_path / stem).write_bytes(octets)
    contexts = contexts_of(TlsFiles(tmp_path / "c.pem", tmp_path / "c.key", pem, pem))
    ends = [Connection(sock, 1, 0, ("127.0.0.2", 1), 0.0) for sock in socket.socketpair()]
    ends[1].outbound = True
    for end, context in zip(ends, (contexts.server, contexts.client), strict=True):
        end.sock.setblocking(False)
        end.wrap(context)
    while [end.shake_hands() for end in ends] != [True, True]:
        pass
    assert [end.certificate() for end in ends] == [None, None]
    for end in ends:
        end.sock.close()
