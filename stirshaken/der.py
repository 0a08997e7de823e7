"""Reads and writes the few DER types (ITU-T X.690 §10) that STIR certificate extensions are made of."""

from __future__ import annotations

import re
from typing import Final

from stirshaken.errors import MalformedError

INTEGER: Final = 0x02
UTF8_STRING: Final = 0x0C
IA5_STRING: Final = 0x16
SEQUENCE: Final = 0x30

MAX_OCTETS: Final = 65_536  # as much as a whole chain may have; three octets of length can say more
_MAX_LENGTH_OCTETS: Final = 3
_MAX_INTEGER_OCTETS: Final = 8  # a range counts at most 10^15 numbers
_LONG_FORM: Final = 0x80
_HIGH_TAG: Final = 0x1F  # tag numbers of 31 and more take further octets; no STIR type has one
_VISIBLE: Final = re.compile(rb"[\x21-\x7e]+")


def context(number: int) -> int:
    """Give the tag octet of an EXPLICIT [number]: context-specific, constructed (X.690 §8.14.3)."""
    return 0xA0 | number


class Reader:
    """Goes through a row of DER values once, in order; every method raises MalformedError at what is no DER."""

    __slots__ = ("_at", "_octets")

    def __init__(self, octets: bytes) -> None:
        if len(octets) > MAX_OCTETS:
            raise MalformedError("DER value is too long")
        self._octets = octets
        self._at = 0

    @property
    def tag(self) -> int:
        """The tag octet of the next value; -1 behind the last one."""
        return self._octets[self._at] if self._at < len(self._octets) else -1

    def take(self, tag: int) -> bytes:
        """Give the contents of the next value, which must have this tag."""
        if self.tag != tag or tag & _HIGH_TAG == _HIGH_TAG:
            raise MalformedError(f"DER value of tag 0x{tag:02x} is missing")
        self._at += 1
        length = self._length()
        contents = self._octets[self._at : self._at + length]
        if len(contents) != length:
            raise MalformedError("DER value ends too early")
        self._at += length
        return contents

    def enter(self, tag: int) -> Reader:
        """Give a reader of what the next value, of this tag, consists of."""
        return Reader(self.take(tag))

    def finish(self) -> None:
        """Make sure that nothing is left."""
        if self.tag >= 0:
            raise MalformedError("octets behind the end of a DER value")

    def integer(self) -> int:
        """Read an INTEGER of zero or more in the shortest form (X.690 §8.3.2)."""
        contents = self.take(INTEGER)
        if not contents or len(contents) > _MAX_INTEGER_OCTETS or contents[0] >= 0x80:
            raise MalformedError("INTEGER is empty, negative or too large")
        if len(contents) > 1 and contents[0] == 0 and contents[1] < 0x80:
            raise MalformedError("INTEGER has a needless zero in front")
        return int.from_bytes(contents, "big")

    def ia5(self) -> str:
        """Read an IA5String of one or more visible characters: names and numbers have no blanks or controls."""
        contents = self.take(IA5_STRING)
        if not _VISIBLE.fullmatch(contents):
            raise MalformedError("IA5String is empty or has characters that are not visible")
        return contents.decode("ascii")

    def utf8(self) -> str:
        """Read a UTF8String; it may be empty."""
        try:
            return self.take(UTF8_STRING).decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedError("UTF8String is no UTF-8") from None

    def _length(self) -> int:
        """The length octets: definite, in the shortest form (X.690 §10.1)."""
        first = self._octet()
        if first < _LONG_FORM:
            return first
        count = first - _LONG_FORM
        if not 1 <= count <= _MAX_LENGTH_OCTETS:
            raise MalformedError("DER length is indefinite or too large")
        length = 0
        for _ in range(count):
            length = length << 8 | self._octet()
        if length < _LONG_FORM or length < 1 << 8 * (count - 1):
            raise MalformedError("DER length is not in its shortest form")
        return length

    def _octet(self) -> int:
        if self._at >= len(self._octets):
            raise MalformedError("DER value ends too early")
        self._at += 1
        return self._octets[self._at - 1]


def value(tag: int, *parts: bytes) -> bytes:
    """Write one value: tag, length, and the parts one after the other."""
    contents = b"".join(parts)
    size = len(contents)
    if size < _LONG_FORM:
        return bytes([tag, size]) + contents
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, _LONG_FORM | len(octets)]) + octets + contents


def integer(number: int) -> bytes:
    """Write an INTEGER of zero or more."""
    return value(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def ia5(text: str) -> bytes:
    """Write an IA5String; the text must be ASCII."""
    return value(IA5_STRING, text.encode("ascii"))


def utf8(text: str) -> bytes:
    """Write a UTF8String."""
    return value(UTF8_STRING, text.encode("utf-8"))
