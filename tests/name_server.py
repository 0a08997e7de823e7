"""A small DNS server over UDP and TCP, in a thread: a table of records, and the ways in which name servers fail."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from typing import Literal, Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

Failing = Literal["", "silent", "servfail"]


class NameServer:
    """
    `records` are (name, type) -> texts, e.g. ("_sip._udp.example.com", "SRV"): ["1 1 5060 a.example.com."]; names that
    it has under no type do not exist. `failing` says how it fails now, `mute` what types it never answers; `asked`
    counts questions by (name, type).
    """

    def __init__(self, records: dict[tuple[str, str], list[str]], host: str = "127.0.0.1", ttl: int = 60) -> None:
        self.records = records
        self.ttl = ttl
        self.failing: Failing = ""
        self.mute: set[str] = set()
        self.truncates = False
        self.asked: dict[tuple[str, str], int] = {}
        self._udp, self._tcp = _pair(host)
        self.address: tuple[str, int] = self._udp.getsockname()
        self._stop = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="name server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer nobody any more."""
        self._stop[1].close()
        self._thread.join(5.0)
        for sock in (self._udp, self._tcp, self._stop[0]):
            sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self) -> None:
        while True:
            ready, _, _ = select.select([self._udp, self._tcp, self._stop[0]], [], [])
            if self._stop[0] in ready:
                return
            if self._udp in ready:
                data, source = self._udp.recvfrom(4096)
                answer = self._answer(data, datagram=True)
                if answer:
                    self._udp.sendto(answer, source)
            if self._tcp in ready:
                with contextlib.suppress(OSError), self._tcp.accept()[0] as peer:
                    peer.settimeout(2.0)
                    length = struct.unpack("!H", peer.recv(2))[0]
                    answer = self._answer(peer.recv(length), datagram=False)
                    peer.sendall(struct.pack("!H", len(answer)) + answer)

    def _answer(self, data: bytes, *, datagram: bool) -> bytes:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        self.asked[name, kind] = self.asked.get((name, kind), 0) + 1
        if self.failing == "silent" or kind in self.mute:
            return b""
        answer = dns.message.make_response(query, recursion_available=True)
        if self.failing == "servfail":
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif datagram and self.truncates:
            answer.flags |= dns.flags.TC
        elif not any(known == name for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            self._fill(answer, name, kind)
        return answer.to_wire()

    def _fill(self, answer: dns.message.Message, name: str, kind: str) -> None:
        alias = self.records.get((name, "CNAME"))
        if alias:
            answer.answer.append(dns.rrset.from_text(f"{name}.", self.ttl, "IN", "CNAME", *alias))
            name = alias[0].rstrip(".")
        texts = self.records.get((name, kind), [])
        if texts:
            answer.answer.append(dns.rrset.from_text(f"{name}.", self.ttl, "IN", kind, *texts))


def _pair(host: str) -> tuple[socket.socket, socket.socket]:
    """UDP and TCP on one free port."""
    for _ in range(50):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((host, 0))
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            tcp.bind(udp.getsockname())
        except OSError:
            udp.close()
            tcp.close()
            continue
        tcp.listen()
        return udp, tcp
    raise RuntimeError("no port is free for both UDP and TCP")
