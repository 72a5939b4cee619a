"""A checkpoint: how many records a log had at some moment, and the root over them. Signed, it is a promise.

Source: https://c2sp.org/tlog-checkpoint, without extension lines.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from gateway.audit.proof.notes import BadNote, Note
from gateway.audit.proof.tree import HASH_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.audit.proof.notes import VerifierKey

_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log `origin` had `size` records, with this root over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what was signed; lines behind the third are passed over. Raises BadNote."""
        lines = text.split("\n")
        if len(lines) <= _LINES or not all(lines[:-1]):
            raise BadNote("a checkpoint has three lines: the log, its size, its root")
        origin, size, encoded = lines[:_LINES]
        if not (size.isascii() and size.isdigit()) or (size[0] == "0" and size != "0"):
            raise BadNote(f"`{size[:30]}` is no size of a log")
        try:
            root = b64decode(encoded, validate=True)
        except (NotBase64, ValueError):
            root = b""
        if len(root) != HASH_SIZE:
            raise BadNote(f"`{encoded[:50]}` is no root of a tree")
        return cls(origin, int(size), root)


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint, its note, and which keys vouch for it."""

    checkpoint: Checkpoint
    note: str
    signers: tuple[VerifierKey, ...]

    @classmethod
    def open(cls, note: str, known: Sequence[VerifierKey]) -> Self:
        """Read a checkpoint and look at its signatures. Raises BadNote."""
        read = Note.parse(note)
        return cls(Checkpoint.parse(read.text), note, read.signers(known))
