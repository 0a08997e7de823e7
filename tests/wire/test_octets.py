"""What the proxy does not have to change, it passes on octet by octet, in order."""

from __future__ import annotations

import re

from tests.wire.peers import CALLER, CORE, Sink
from tests.wire.stage import Stage
from tests.wire.trunkward import Setting

BODY = bytes(range(256)).join([b"--x\r\nContent-Type: application/isup;version=itu-t92+\r\n\r\n", b"\r\n--x--\r\n"])

# Legal and odd: compact names, folded lines, spaces before colons, UTF-8, quoted separators, unknown and
# repeated fields, several values in one field, a field that looks like another inside quotes.
ODD = [
    (b'f: "\xe5\xae\xa2\xe6\x9c\x8d, \\"A;B\\" <x>"\r\n  <sip:+862488880001@127.0.0.2;user=phone>\r\n\t;tag=odd%21'),
    b"t:\t<sip:+8613900139000@example.com;transport=udp>",
    b"i: odd-1@127.0.0.2",
    b"CSeq :  0000077   INVITE",
    b'm : "M" <sip:odd@127.0.0.2:%d;x="a,b">;+sip.instance="<urn:uuid:1>"',
    b"P-Asserted-Identity : <sip:+862488880001@127.0.0.2>  ,\r\n <tel:+862488880001>",
    b"X-Unknown:",
    b"x-UNKNOWN:   \t two  spaces  \t",
    b"X-Unknown: From: <sip:10086@evil.example>",
    b"s: \xe4\xbd\xa0\xe5\xa5\xbd %00 \\x",
    b"Supported: 100rel , timer,",
    b"k: path",
    b'Subject-Like: ")(*&^%$#@!"',
    b"Allow:INVITE,ACK ,BYE",
    b'c: multipart/mixed ; boundary="x"',
    b"Date: Sat, 13 Nov 2010 23:29:00 GMT",
]
CHANGED = re.compile(rb"(?:via|v|record-route|route|max-forwards|content-length|l)[ \t]*:", re.IGNORECASE)


def test_odd_but_legal_invite_and_its_answer_pass_unchanged(stage: Stage) -> None:
    core, caller = stage.sink(CORE), stage.sink(CALLER)
    proxy = stage.proxy(Setting(core.port))
    fields = [line % caller.port if b"%d" in line else line for line in ODD]
    caller.send(_invite(caller, proxy.port, fields), proxy.address)

    relayed = core.receive(b"INVITE ")
    head, _, body = relayed.partition(b"\r\n\r\n")
    assert body == BODY
    assert _untouched(head) == fields
    assert re.search(rb"(?im)^max-forwards[ \t]*:[ \t]*16\r?$", head)
    assert re.search(rb"(?im)^l[ \t]*:[ \t]*%d\r?$" % len(BODY), head) or b"%d" % len(BODY) in head

    answered = [
        b"f" + fields[0][1:],
        fields[1] + b" ; tag=core",
        fields[2],
        fields[3],
        b"X-Answer : \xff\xfe not UTF-8",
        b"Contact: <sip:core@127.0.0.1:%d>" % core.port,
        b"Server : folded\r\n   twice",
    ]
    kept = [line for line in _lines(head) if re.match(rb"(?:via|v|record-route)[ \t]*:", line, re.IGNORECASE)]
    answer = b"\r\n".join([b"SIP/2.0 200  Very   OK", *kept, *answered, b"l:%d" % len(BODY), b"", BODY])
    core.send(answer, (proxy.host, proxy.port))

    back = caller.receive(b"SIP/2.0 200 ")
    head, _, body = back.partition(b"\r\n\r\n")
    assert body == BODY
    assert head.startswith(b"SIP/2.0 200  Very   OK\r\n")
    assert _untouched(head) == answered
    assert sum(bool(re.match(rb"(?:via|v)[ \t]*:", line, re.IGNORECASE)) for line in _lines(head)) == 1


def _invite(caller: Sink, to: int, fields: list[bytes]) -> bytes:
    start = b"INVITE sip:+8613900139000@127.0.0.1:%d;x-odd=%%41 SIP/2.0" % to
    via = b"v: SIP / 2.0 /UDP  127.0.0.2:%d ; branch=z9hG4bK-odd;rport" % caller.port
    rest = [b"max-forwards: 17", b"l: %d" % len(BODY), b"", BODY]
    return b"\r\n".join([start, via, *fields, *rest])


def _lines(head: bytes) -> list[bytes]:
    """The header fields as they stand on the wire, folded ones whole."""
    return re.split(rb"\r\n(?![ \t])", head)[1:]


def _untouched(head: bytes) -> list[bytes]:
    return [line for line in _lines(head) if not CHANGED.match(line)]
