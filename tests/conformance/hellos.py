"""ClientHellos byte by byte, with everything in them that a TLS library would not send.

Source: RFC 8446 section 4.1.2 (ClientHello), RFC 6066 section 3 (server_name), draft-ietf-tls-esni (ECH).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.conformance.table import wire

_VERSIONS: Final = {"1.3": 0x0304, "1.2": 0x0303, "1.1": 0x0302, "1.0": 0x0301, "3.0": 0x0300}
_SUITES: Final = (0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0x009C, 0x002F)
_GROUPS: Final = bytes.fromhex("0004001d0017")
_SIGNATURES: Final = bytes.fromhex("0008040308040401 0503".replace(" ", ""))
_X25519: Final = bytes.fromhex("0024001d0020") + bytes(range(32))
_ECH: Final = bytes.fromhex("00 0001 0001 07 0020") + bytes(32) + bytes.fromhex("0010") + bytes(16)
_RECORD: Final = 0x16
_CLIENT_HELLO: Final = 0x01


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What a hello says. `names` are those of server_name, in order; None leaves the extension out.

    `kind` is the type of the names (0 is a host name). `newest` is the best version offered, `legacy` the one of the
    message itself. `records` is into how many records it is cut, `twice` repeats server_name, `cut` leaves bytes out
    at the end without saying so.
    """

    names: tuple[str, ...] | None = None
    kind: int = 0
    newest: str = "1.3"
    legacy: str = "1.2"
    ech: bool = False
    alpn: tuple[str, ...] = ()
    records: int = 1
    twice: bool = False
    cut: int = 0

    @property
    def raw(self) -> bytes:
        """The bytes on the wire."""
        body = _VERSIONS[self.legacy].to_bytes(2) + bytes(range(32)) + b"\x20" + bytes(32)
        body += _sized(b"".join(each.to_bytes(2) for each in _SUITES), 2) + b"\x01\x00"
        body += _sized(b"".join(self._extensions()), 2)
        message = bytes([_CLIENT_HELLO]) + _sized(body, 3)
        message = message[: len(message) - self.cut]
        size = -(-len(message) // self.records)
        pieces = (message[at : at + size] for at in range(0, len(message), size))
        return b"".join(bytes([_RECORD, 3, 1]) + _sized(piece, 2) for piece in pieces)

    def _extensions(self) -> list[bytes]:
        found = [_extension(10, _GROUPS), _extension(13, _SIGNATURES)]
        if self.names is not None:
            named = b"".join(bytes([self.kind]) + _sized(wire(name), 2) for name in self.names)
            found[:0] = [_extension(0, _sized(named, 2))] * (2 if self.twice else 1)
        if self.newest == "1.3":
            found += [_extension(43, bytes.fromhex("0403040303")), _extension(51, _X25519)]
        if self.alpn:
            found.append(_extension(16, _sized(b"".join(_sized(each.encode(), 1) for each in self.alpn), 2)))
        if self.ech:
            found.append(_extension(0xFE0D, _ECH))
        return found


def _extension(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(2) + _sized(body, 2)


def _sized(body: bytes, width: int) -> bytes:
    return len(body).to_bytes(width) + body
