"""Answers of name servers without the records that lead a client past the gateway: HTTPS and SVCB (RFC 9460).

Such a record can tell a browser to speak HTTP/3, which goes over UDP, or to hide the name it asks for (ECH). In an
answer that passes through the gateway every one of them gets a type that nobody uses, in its place: nothing else of the
message changes, neither its length nor what its compressed names point to, and the client finds no such record.

Source: RFC 1035 section 4.1 (the message), RFC 6895 section 3.1 (types for private use).
"""

from __future__ import annotations

from typing import Final

from gateway.policy.errors import Malformed

MEDIA_TYPE: Final = "application/dns-message"
LONGEST: Final = 65535
"""Bytes of a message."""
_SERVICE: Final = frozenset({64, 65})
_NOBODYS: Final = (65280).to_bytes(2)
_HEAD: Final = 12
_QUESTION: Final = 4
_RECORD: Final = 10
_POINTER: Final = 0xC0


def without_service_records(message: bytes) -> bytes:
    """The message with every HTTPS and SVCB record made unusable. Raises Malformed for what is no message."""
    if not _HEAD <= len(message) <= LONGEST:
        raise Malformed("this is no message of a name server")
    changed = bytearray(message)
    questions, *records = (int.from_bytes(message[at : at + 2]) for at in (4, 6, 8, 10))
    at = _HEAD
    for _ in range(questions):
        at = _behind_name(message, at) + _QUESTION
    for _ in range(sum(records)):
        at = _behind_name(message, at)
        if int.from_bytes(message[at : at + 2]) in _SERVICE:
            changed[at : at + 2] = _NOBODYS
        at += _RECORD + int.from_bytes(message[at + 8 : at + 10])
    if at != len(message):
        raise Malformed("the message of the name server has another length than it says")
    return bytes(changed)


def _behind_name(message: bytes, at: int) -> int:
    """Where the name that begins at `at` ends: at its root, or at a pointer to the rest of it."""
    while at < len(message):
        length = message[at]
        if length & _POINTER == _POINTER:
            return at + 2
        if length & _POINTER:
            break
        at += 1 + length
        if not length:
            return at
    raise Malformed("a name in the message of the name server does not end")
