"""What becomes of closed segments: they are compressed, and what has been kept long enough is removed.

A thread of its own with low priority, which is told by the writer which segment is active once everything before it is
safely on the disk; it never touches that one nor what comes behind it.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from itertools import pairwise
from threading import Condition, Thread
from typing import TYPE_CHECKING, Final

from gateway.audit.records.events import retention_record
from gateway.audit.writing.compression import PutOff, compress, write_draft
from gateway.audit.writing.errors import AuditUnavailable, words
from gateway.audit.writing.retention import Removed, over, prune, whole
from gateway.audit.writing.segments import COMPRESSED, open_lines, segments, stem, sync_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from gateway.audit.records.record import Record

EVERY: Final = 3600.0
"""Seconds between two looks for what has been kept long enough."""

_NICE: Final = 10
_PATIENCE: Final = 10.0
_log: Final = logging.getLogger(__name__)


class Keeper:
    """Looks after the closed segments of a log. `tell` writes a record, whose future is done when it is on the disk."""

    def __init__(
        self,
        directory: Path,
        *,
        compressing: bool,
        retain: Mapping[str, float],
        clock: Callable[[], float],
        tell: Callable[[Record], Future[int]],
    ) -> None:
        self._directory: Final = directory
        self._compressing: Final = compressing
        self._retain: Final = retain
        self._clock: Final = clock
        self._tell: Final = tell
        self._changed: Final = Condition()
        self._active: str | None = None
        self._looked: str | None = None
        self._closing = False
        self._done: Final[dict[str, frozenset[str]]] = {}
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin, if there is anything to do."""
        if self._compressing or self._retain:
            self._thread = Thread(target=self._run, name="audit-keeper", daemon=True)
            self._thread.start()

    def closed_before(self, active: Path) -> None:
        """Everything before the segment at `active` is on the disk and closed."""
        name = stem(active)
        if name != self._active:
            with self._changed:
                self._active = name
                self._changed.notify()

    def close(self) -> None:
        """End; what is half done is done another time."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def look(self, active: str) -> None:
        """Compress and remove what there is to be, in the segments before `active`."""
        for path in self._closed(active) if self._compressing else ():
            if not path.name.endswith(COMPRESSED):
                self._try(compress, path, self._going_on)
        if self._retain:
            for path, successor in pairwise([path for path in segments(self._directory) if stem(path) <= active]):
                self._try(self._remove_from, path, successor)

    def _closed(self, active: str) -> list[Path]:
        return [path for path in segments(self._directory) if stem(path) < active]

    def _going_on(self) -> bool:
        return not self._closing

    def _run(self) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while (active := self._wait()) is not None:
            self.look(active)

    def _wait(self) -> str | None:
        """The active segment, as soon as it is another one or an hour has passed; None when it is time to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._active != self._looked, EVERY)
            while not self._closing and self._active is None:
                self._changed.wait()
            self._looked = self._active
            return None if self._closing else self._active

    def _try[**P](self, work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Closed segments are safe as they are: what fails is said, and tried again at the next look."""
        if not self._going_on():
            return
        try:
            work(*args, **kwargs)
        except PutOff:
            pass
        except AuditUnavailable as error:
            _log.warning("audit: nothing is removed: %s", error)
        except OSError as error:
            _log.warning("audit: `%s` stays as it is: %s", args[0], words(error))

    def _remove_from(self, path: Path, successor: Path) -> None:
        kinds = over(path, successor, self._retain, self._clock())
        if not kinds or self._done.get(stem(path)) == kinds:
            return
        removed = Removed()
        target = path.with_name(stem(path) + COMPRESSED)
        draft = write_draft(target, prune(self._lines(path), kinds, removed))
        try:
            goes = whole(path, segments(self._directory), removed)
            if removed.kinds or goes:
                self._record(path, removed, goes=goes)
                self._replace(path, draft, target, goes=goes)
        finally:
            draft.unlink(missing_ok=True)
        if removed.left:
            self._done[stem(path)] = kinds

    def _lines(self, path: Path) -> Iterator[bytes]:
        with open_lines(path) as file:
            for line in file:
                if not self._going_on():
                    raise PutOff
                yield line

    def _record(self, path: Path, removed: Removed, *, goes: bool) -> None:
        """Say it first: what is removed without a word could not be told from what somebody else removed."""
        record = retention_record(
            segment=stem(path),
            removed=dict(sorted(removed.kinds.items())),
            first=removed.first or None,
            last=removed.last or None,
            whole=goes,
            now=self._clock(),
        )
        try:
            self._tell(record).result(_PATIENCE)
        except TimeoutError:
            raise AuditUnavailable("the disk did not take the record of it in time") from None

    def _replace(self, path: Path, draft: Path, target: Path, *, goes: bool) -> None:
        if not goes:
            draft.replace(target)
        if goes or path != target:
            path.unlink()
        sync_directory(self._directory)
