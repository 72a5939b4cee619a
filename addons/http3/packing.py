"""Field sections as QPACK packs them, without a dynamic table: each stands for itself, and none waits for another.

ls-qpack packs what is small; it has room for 4 KiB in all. More is packed field by field, or written as it is.

Source: RFC 9204 section 4.1 (integers, strings), section 4.5 (field sections).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pylsqpack

if TYPE_CHECKING:
    from addons.http2.fields import RawField, RawFields

_NO_TABLE: Final = b"\x00\x00"
_LARGE: Final = 2048
_OVERHEAD: Final = 8
"""Bytes that a field takes besides its own, at most, where it is as small as that."""
_LITERAL: Final = 0x20
_CONTINUES: Final = 0x80


class Packer:
    """Packs heads and trailers."""

    def __init__(self) -> None:
        self._encoder: Final = pylsqpack.Encoder()

    def pack(self, fields: RawFields) -> bytes:
        """The section of these fields."""
        if sum(len(name) + len(value) + _OVERHEAD for name, value in fields) < _LARGE:
            return self._encoder.encode(0, list(fields))[1]
        return _NO_TABLE + b"".join(self._line(each) for each in fields)

    def _line(self, field: RawField) -> bytes:
        if len(field[0]) + len(field[1]) >= _LARGE:
            return literal(*field)
        return self._encoder.encode(0, [field])[1][len(_NO_TABLE) :]


def literal(name: bytes, value: bytes) -> bytes:
    """A field line that is written out, and refers to nothing."""
    return _integer(len(name), 3, _LITERAL) + name + _integer(len(value), 7, 0) + value


def _integer(value: int, bits: int, first: int) -> bytes:
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    said, rest = bytearray([first | most]), value - most
    while rest >= _CONTINUES:
        said.append(rest % _CONTINUES | _CONTINUES)
        rest //= _CONTINUES
    said.append(rest)
    return bytes(said)
