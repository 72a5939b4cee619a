"""The notary: puts every record that is on the disk into the tree, and signs the tree about once a second.

The writer's thread hands over hashes and goes on; everything else is done here, on a thread of its own, so that neither
a slow disk nor a signature holds up a record. A checkpoint never covers more than what is on the disk.

Nothing here ever refuses a request: if the tree cannot be written, its tiles wait in memory, and if too many do,
proving ends with a record that says so, until the next start finds its way back from the segments.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final

from gateway.audit.proof.anchors import Keeper
from gateway.audit.proof.book import Book
from gateway.audit.proof.handover import Handover
from gateway.audit.proof.keys import KeyFolder
from gateway.audit.proof.records import heartbeat_record, key_record, proof_record
from gateway.audit.proof.resuming import resume
from gateway.audit.proof.standings import FILE as STANDINGS
from gateway.audit.proof.standings import Standings
from gateway.audit.proof.store import FOLDER, Store
from gateway.audit.writing.errors import AuditUnavailable, cannot_write, words
from gateway.audit.writing.witness import FirstWords, leaf_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gateway.audit.proof.anchors import Anchor
    from gateway.audit.proof.keychain import Announcement
    from gateway.audit.proof.standings import Standing
    from gateway.audit.records.record import Record
    from gateway.audit.writing.witness import LogAtStart

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotaryOptions:
    """Seconds between two checkpoints, between two that are remembered, and of silence before a sign of life.

    `most_waiting` is how many tiles (8 KiB each) may wait for a disk that does not take them.
    """

    checkpoint: float = 1.0
    remember: float = 60.0
    heartbeat: float = 300.0
    most_waiting: int = 4096


@dataclass(slots=True)
class _Counter:
    """Where the writer's thread leaves the hashes of records; `found` is the record that holds an `awaited` text."""

    count: int = 0
    lock: Lock = field(default_factory=Lock)
    written: list[bytes] = field(default_factory=list)
    safe: list[bytes] = field(default_factory=list)
    awaited: bytes | None = None
    found: int | None = None

    def add(self, lines: Sequence[bytes]) -> None:
        self.written += [leaf_hash(line[:-1]) for line in lines]
        if self.awaited is not None:
            for seq, line in enumerate(lines, self.count + 1):
                if self.awaited in line:
                    self.awaited, self.found = None, seq
                    break
        self.count += len(lines)

    def settle(self) -> None:
        with self.lock:
            self.safe += self.written
        self.written = []

    def take(self) -> list[bytes]:
        with self.lock:
            taken, self.safe = self.safe, []
        return taken


class Notary:
    """The witness of a log that is proved."""

    def __init__(
        self,
        options: NotaryOptions | None = None,
        *,
        anchors: Sequence[Anchor] = (),
        clock: Callable[[], float] = time.time,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._options = options or NotaryOptions()
        self._anchors, self._clock, self._entropy = anchors, clock, entropy
        self._counter, self._stop = _Counter(), Event()
        self._keepers: list[Keeper] = []
        self._news: deque[Record] = deque()
        self._failing = self._given_up = False
        self._active = time.monotonic()
        self._thread = Thread(target=self._run, name="audit-notary", daemon=True)

    def opened(self, log: LogAtStart) -> FirstWords:
        """Find the end of the tree. Raises AuditUnavailable if the folder of the proof cannot be used."""
        store = Store(log.directory / FOLDER)
        try:
            store.prepare()
            self._keys = Handover.begin(store, KeyFolder(store.folder, self._entropy), self._clock)
            resumed = resume(log.directory, store, self._keys.chain)
        except OSError as error:
            raise AuditUnavailable(cannot_write(store.folder, error)) from None
        self._write = log.write
        self._book = Book(store, self._keys.origin, resumed.edge, -1 if resumed.signed is None else resumed.signed.size)
        self._counter.count = resumed.edge.size
        self._keepers = self._begun(Standings(store.folder / STANDINGS))
        found = proof_record(
            outcome=resumed.outcome,
            size=resumed.edge.size,
            root=resumed.edge.root(),
            problems=resumed.problems,
            now=self._clock(),
        )
        return FirstWords(resumed.edge.size, (found, *self._announcement(self._keys.announced)))

    @property
    def standings(self) -> tuple[Standing, ...]:
        """How the anchors stand."""
        return tuple(each.standing for each in self._keepers)

    def appended(self, lines: Sequence[bytes]) -> None:
        """Hash what is written, on the writer's thread: about a microsecond per record."""
        self._counter.add(lines)
        if not self._thread.ident:
            self._thread.start()

    def synced(self) -> None:
        """What was written is safe from now on."""
        self._counter.settle()

    def rotated(self, path: Path) -> None:
        """A tree knows no segments."""

    def closed(self) -> None:
        """Sign the end of the log, and let the anchors keep it."""
        self._stop.set()
        if self._thread.ident:
            self._thread.join()
        if not self._given_up:
            self._attempt(self._last_round)
        for each in self._keepers:
            each.hurry()
        for each in self._keepers:
            each.close()

    def _begun(self, standings: Standings) -> list[Keeper]:
        """Begin to bring checkpoints to the anchors. What they tell waits for the next round."""
        with suppress(OSError):
            standings.keep_only(frozenset(each.name for each in self._anchors))
        return [
            Keeper(each, self._clock, standings, self._news.append, interval=self._options.remember)
            for each in self._anchors
        ]

    def _run(self) -> None:
        while not self._stop.wait(self._options.checkpoint):
            self._attempt(self._round)

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            self._cannot_write(error)
        except Exception as error:  # noqa: BLE001 - records must go on to be written, whatever is wrong with proving
            self._give_up(f"a fault: {error}")

    def _round(self) -> None:
        leaves = self._counter.take()
        self._book.enter(leaves)
        found = self._counter.found
        self._sign(covered=found is not None and found <= self._book.edge.size, remember=self._options.remember)
        for record in self._announcement(self._keys.due()):
            self._tell(record)
        while self._news:
            self._tell_of_an_anchor(self._news.popleft())
        self._breathe(idle=not leaves)
        if self._failing:
            self._failing = False
            _log.warning("audit: the log is proved again")

    def _last_round(self) -> None:
        self._book.enter(self._counter.take())
        self._sign(covered=False, remember=0.0)

    def _sign(self, *, covered: bool, remember: float) -> None:
        note = self._book.sign(self._keys.signers(covered=covered), remember=remember)
        if covered:
            self._keys.complete()
            self._counter.found = None
        if note is not None:
            for each in self._keepers:
                each.offer(note)

    def _announcement(self, announcement: Announcement | None) -> Sequence[Record]:
        """The record of a new key. It takes over when a checkpoint covers that; the first key of all just signs."""
        if announcement is None:
            return ()
        if not announcement.is_first:
            self._counter.found, self._counter.awaited = None, str(announcement.key).encode()
        return (key_record(announcement, self._clock()),)

    def _breathe(self, *, idle: bool) -> None:
        now = time.monotonic()
        if idle and now - self._active >= self._options.heartbeat:
            self._tell(heartbeat_record(idle=now - self._active, now=self._clock()))
        if not idle:
            self._active = now

    def _tell_of_an_anchor(self, record: Record) -> None:
        self._tell(record)
        if record["outcome"] == "mended":
            for each in self._keepers:
                if each.standing.name == record["anchor"]:
                    each.was_told()

    def _tell(self, record: Record) -> None:
        self._write(record)
        self._active = time.monotonic()

    def _cannot_write(self, error: OSError) -> None:
        if len(self._book.waiting) > self._options.most_waiting:
            self._give_up(f"the proof cannot be written: {words(error)}")
        elif not self._failing:
            self._failing = True
            _log.warning("audit: the proof cannot be written, it is tried again: %s", words(error))

    def _give_up(self, why: str) -> None:
        self._stop.set()
        self._given_up = True
        _log.error("audit: the log is not proved any more, until the gateway is started again: %s", why)
        record = proof_record(
            outcome="failed", size=max(0, self._book.signed), root=b"", problems=[why], now=self._clock()
        )
        self._tell(record)
