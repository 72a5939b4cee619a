"""What the first bytes of a connection are: a TLS hello, the beginning of an HTTP request, or neither.

Every answer is certain: as long as more bytes could change it there is none. A hello may be spread over records, and
records over packets, however small; what is read of it is bounded, and nothing is read twice.

Source: RFC 8446 sections 4.1.2 and 5.1 (ClientHello, records), RFC 9112 section 3 (request line).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mitmproxy.tls import ClientHello

if TYPE_CHECKING:
    from collections.abc import Sequence

_HANDSHAKE: Final = 0x16
_CLIENT_HELLO: Final = 0x01
_MAJOR: Final = 0x03
_RECORD_HEAD: Final = 5
_MESSAGE_HEAD: Final = 4
_LARGEST_RECORD: Final = 2**14

_METHOD: Final = re.compile(rb"[A-Z][A-Z0-9_-]{0,31}")
_METHOD_AND_MORE: Final = re.compile(rb"[A-Z][A-Z0-9_-]{0,31} [^\x00-\x20]")
_METHOD_AND_SPACE: Final = re.compile(rb"[A-Z][A-Z0-9_-]{0,31} ")
_VERSION: Final = b" HTTP/"
_LONGEST_LINE: Final = 16 * 1024
"""A line that goes on for longer than any target is left to the reader of heads, which says what it is."""


class Broken(ValueError):  # noqa: N818 - it says what the bytes are
    """Bytes that began like TLS and are no ClientHello."""


def begins_http(data: bytes | bytearray) -> bool | None:
    """Whether the bytes begin an HTTP request: an upper-case word, a target and a version; None while that is open.

    Other protocols greet with a word and something too (`EHLO a.example`), and end their line without a version.
    """
    if _METHOD_AND_MORE.match(data):
        end = data.find(b"\n", 0, _LONGEST_LINE)
        if data.find(_VERSION, 0, _LONGEST_LINE if end < 0 else end) >= 0:
            return True
        if end >= 0:
            return False
        return True if len(data) >= _LONGEST_LINE else None
    if _METHOD.fullmatch(data) or _METHOD_AND_SPACE.fullmatch(data):
        return None
    return None if not data else False


class HelloReader:
    """Reads a ClientHello out of bytes that grow. `most` bounds the bytes, in all."""

    def __init__(self, most: int) -> None:
        self._most: Final = most
        self._at = 0
        self._message = bytearray()

    @staticmethod
    def claims(data: Sequence[int]) -> bool:
        """Whether the first byte is that of a TLS handshake: the rest has to be one then."""
        return bool(data) and data[0] == _HANDSHAKE

    def read(self, data: bytes | bytearray) -> ClientHello | None:
        """The hello, once it is complete; None before. `data` is everything received so far. Raises Broken."""
        while (record := self._next_record(data)) is not None:
            self._message += record
            size = self._size()
            if size is not None and len(self._message) >= size:
                return _parsed(bytes(self._message[_MESSAGE_HEAD:size]))
        if len(data) > self._most:
            raise Broken("the hello has no end")
        return None

    def _next_record(self, data: bytes | bytearray) -> bytes | None:
        start = self._at + _RECORD_HEAD
        head = bytes(data[self._at : start])
        if any(byte != wanted for byte, wanted in zip(head, (_HANDSHAKE, _MAJOR), strict=False)):
            raise Broken("no handshake record")
        if len(head) < _RECORD_HEAD:
            return None
        size = int.from_bytes(head[3:])
        if not 0 < size <= _LARGEST_RECORD:
            raise Broken("a record of an impossible size")
        if len(data) < start + size:
            return None
        self._at = start + size
        return bytes(data[start : self._at])

    def _size(self) -> int | None:
        """The size of the whole message, once its head is there."""
        if self._message[0] != _CLIENT_HELLO:
            raise Broken("no ClientHello")
        if len(self._message) < _MESSAGE_HEAD:
            return None
        size = _MESSAGE_HEAD + int.from_bytes(self._message[1:_MESSAGE_HEAD])
        if size > self._most:
            raise Broken("the hello is too large")
        return size


def _parsed(body: bytes) -> ClientHello:
    try:
        return ClientHello(body)
    except (EOFError, ValueError) as error:
        raise Broken("the hello ends too early") from error
