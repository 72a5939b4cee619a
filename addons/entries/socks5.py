"""SOCKS 5 as bytes: what a client says, read one message at a time, and what it is told.

A message is complete or it is not yet: nothing is concluded from half of one. The longest greeting has 257 bytes and
the longest request 262, so that nothing here grows; whatever follows belongs to the tunnel. The name, IPv4 or IPv6
address of a request becomes the one canonical host, as that of a CONNECT does.

Source: RFC 1928 sections 3 to 6; RFC 1929 for the method that is not spoken here.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed
from gateway.policy.model import Decision, Reason, refuse
from gateway.policy.names import Host

VERSION: Final = 5
NO_AUTHENTICATION: Final = 0
METHOD_CHOSEN: Final = bytes([VERSION, NO_AUTHENTICATION])
NO_METHOD: Final = bytes([VERSION, 0xFF])
"""None of the offered methods is acceptable (section 3)."""
SOCKS4_REJECTED: Final = bytes([0, 91, 0, 0, 0, 0, 0, 0])
"""How SOCKS 4 says no: it has no other word for it."""

SUCCEEDED: Final = 0
FAILURE: Final = 1
NOT_ALLOWED: Final = 2
NO_SUCH_COMMAND: Final = 7
NO_SUCH_ADDRESS_TYPE: Final = 8

_FAULTS: Final = frozenset({Reason.MALFORMED_REQUEST, Reason.INTERNAL_ERROR, Reason.AUDIT_UNAVAILABLE})
"""Reasons that are nobody's rule. Whether a destination can be reached is not known yet when a reply is given."""

_SOCKS4: Final = 4
_CONNECT: Final = 1
_COMMANDS: Final = {2: "BIND", 3: "UDP ASSOCIATE"}
_IPV4, _NAME, _IPV6 = 1, 3, 4
_SIZES: Final = {_IPV4: 4, _IPV6: 16}
_LETTERS: Final = range(ord("A"), ord("Z") + 1)
_TLS: Final = 0x16
_GREETING_HEAD: Final = 2
_REQUEST_HEAD: Final = 4
_PORT: Final = 2


class Unacceptable(Exception):  # noqa: N818 - it says what the bytes are
    """What a client said cannot be gone on with: why, and the bytes that it is told.

    `speaks_http` tells that it took this port for one of a proxy that speaks HTTP, and understands such an answer.
    """

    def __init__(self, reason: Reason, message: str, reply: bytes = b"", *, speaks_http: bool = False) -> None:
        super().__init__(message)
        self.decision: Final = refuse(reason, message)
        self.reply: Final = reply
        self.speaks_http: Final = speaks_http


@dataclass(frozen=True, slots=True)
class Asked:
    """Where a client wants to go, and how many bytes it took to say so."""

    host: Host
    port: int
    size: int


def reply(code: int) -> bytes:
    """A reply to a request (section 6). The bound address is none: nothing was dialled yet, or nobody shall know."""
    return bytes([VERSION, code, 0, _IPV4]) + bytes(_SIZES[_IPV4] + _PORT)


def code_of(decision: Decision) -> int:
    """How a denial is said; what a rule, a limit or a guardrail refused is not allowed by the ruleset."""
    return FAILURE if decision.reason in _FAULTS else NOT_ALLOWED


def read_greeting(data: bytes | bytearray) -> int | None:
    """The size of the greeting at the front of `data`; None while it is not complete. Raises Unacceptable."""
    if data and data[0] != VERSION:
        raise _no_socks5(data[0])
    if len(data) < _GREETING_HEAD:
        return None
    size = _GREETING_HEAD + data[1]
    if len(data) < size:
        return None
    if NO_AUTHENTICATION not in data[_GREETING_HEAD:size]:
        raise Unacceptable(Reason.PROTOCOL_REFUSED, "SOCKS is spoken without authentication here", NO_METHOD)
    return size


def _no_socks5(first: int) -> Unacceptable:
    """Say what it is that came instead: the first byte tells."""
    if first == _SOCKS4:
        return Unacceptable(Reason.PROTOCOL_REFUSED, "SOCKS 4 is not spoken here, use SOCKS 5", SOCKS4_REJECTED)
    if first in _LETTERS:
        return Unacceptable(Reason.PROTOCOL_REFUSED, "This port speaks SOCKS 5, and not HTTP", speaks_http=True)
    if first == _TLS:
        return Unacceptable(Reason.PROTOCOL_REFUSED, "This port speaks SOCKS 5, and not TLS")
    return Unacceptable(Reason.MALFORMED_REQUEST, "This is not SOCKS 5")


def read_request(data: bytes | bytearray) -> Asked | None:
    """The request at the front of `data`; None while it is not complete. Raises Unacceptable."""
    _check_head(data)
    if len(data) <= _REQUEST_HEAD:
        return None
    start, size = _REQUEST_HEAD, _SIZES.get(data[3], data[4])
    if data[3] == _NAME:
        start += 1
    end = start + size + _PORT
    if len(data) < end:
        return None
    port = int.from_bytes(data[end - _PORT : end])
    if port == 0:
        raise _malformed("the request names no port")
    return Asked(_host(data[3], bytes(data[start : start + size])), port, end)


def _check_head(data: bytes | bytearray) -> None:
    """Refuse as soon as a byte is wrong: a client that speaks something else may never send the rest."""
    head: list[int | None] = [*bytes(data[:_REQUEST_HEAD])]
    version, command, reserved, kind = (head + [None] * _REQUEST_HEAD)[:_REQUEST_HEAD]
    if version not in (VERSION, None):
        raise _malformed("the request is of another version than the greeting")
    if command not in (_CONNECT, None):
        named = _COMMANDS.get(command or 0, f"command {command}")
        raise Unacceptable(Reason.PROTOCOL_REFUSED, f"{named} is not accepted here", reply(NO_SUCH_COMMAND))
    if reserved not in (0, None):
        raise _malformed("the reserved byte of the request is not zero")
    if kind not in (_IPV4, _NAME, _IPV6, None):
        raise _malformed(f"{kind} is no type of address", NO_SUCH_ADDRESS_TYPE)


def _host(kind: int, raw: bytes) -> Host:
    if kind == _IPV4:
        return Host.of(Address(4, int.from_bytes(raw)))
    if kind == _IPV6:
        return Host.of(Address.parse(str(ipaddress.IPv6Address(raw))))  # a mapped one is the IPv4 address
    try:
        return Host.parse(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise _malformed("the name of the host is not UTF-8") from None
    except Malformed as problem:
        raise _malformed(str(problem)) from None


def _malformed(message: str, code: int = FAILURE) -> Unacceptable:
    return Unacceptable(Reason.MALFORMED_REQUEST, message, reply(code))
