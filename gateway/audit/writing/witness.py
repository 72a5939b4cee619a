"""Who sees every line of the log as it is written: the seam between the writer and what proves the log.

The writer calls its witness on its own thread and never on the event loop. Lines are the exact bytes that stand in the
segments, each with its newline; the line with the number n is the n-th line that was ever appended. A line reaches the
witness once, although a failure of the disk may make the writer write it into a second segment.

A line whose time is over is replaced in its segment by `{"v":1,"seq":n,"pruned":"<hash>"}`, the hash in hexadecimal
being `leaf_hash` of the line that stood there (RFC 6962, section 2.1): a tree over the log stays as it was.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gateway.audit.records.record import Record

PRUNED: Final = "pruned"
"""The key of a line that stands for a record whose time was over; such a line has `v` and `seq` beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogAtStart:
    """The log as the writer found it, locked and its torn end cut, before anything is appended.

    `seq` is the number of its last record (0: none), `cut` how many bytes of a torn line were removed. `write` accepts
    a record about the log itself, whatever the bounds of the queue; it may be called from any thread until `closed`.
    """

    directory: Path
    seq: int
    cut: int
    write: Callable[[Record], None]


@dataclass(frozen=True, slots=True)
class FirstWords:
    """What a witness says of a log that was opened.

    `taken` is the greatest number that was ever proved: the next record has one above that and above `LogAtStart.seq`,
    so that the number of a record that is gone is not given to another one. `records` are the first to be written.
    """

    taken: int = 0
    records: tuple[Record, ...] = ()


class Witness(Protocol):
    """Sees the log grow. What it raises ends the writer, which then refuses every record."""

    def opened(self, log: LogAtStart) -> FirstWords:
        """The log was opened; called once, on the thread that starts the writer. May raise AuditUnavailable.

        `log.write` is for later; what is to be written now is returned.
        """

    def appended(self, lines: Sequence[bytes]) -> None:
        """These lines come next, in their order. They are not on the disk before `synced`, and may never be."""

    def synced(self) -> None:
        """Every line that was appended is on the disk."""

    def rotated(self, path: Path) -> None:
        """The segment at `path` is whole and will not grow; a new one is open. It may be compressed any moment."""

    def closed(self) -> None:
        """Nothing comes any more. What was appended and not synced is lost."""


class Nobody:
    """The witness of a log that is not proved."""

    def opened(self, log: LogAtStart) -> FirstWords:
        """Nothing was proved."""
        return FirstWords(log.seq)

    def appended(self, lines: Sequence[bytes]) -> None:
        """Nothing to do."""

    def synced(self) -> None:
        """Nothing to do."""

    def rotated(self, path: Path) -> None:
        """Nothing to do."""

    def closed(self) -> None:
        """Nothing to do."""


def leaf_hash(line: bytes) -> bytes:
    """The hash of a line, given without its newline, as a leaf of a Merkle tree (RFC 6962, section 2.1)."""
    return hashlib.sha256(b"\0" + line).digest()
