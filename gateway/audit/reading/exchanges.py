"""Decisions of a span of time, and the ends of their exchanges, wherever in the log those are.

Segments before the span are not read, those behind it only as long as an exchange of the span has not ended. Lines are
parsed if they are wanted: of all others the head says enough. A gateway that starts ends what was open before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.reading.decoding import parse
from gateway.audit.reading.filters import Filter
from gateway.audit.reading.finding import matching, newest
from gateway.audit.reading.scanning import Scan, within
from gateway.audit.writing.segments import segments, stem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gateway.audit.records.record import Record

_HEAD: Final = re.compile(
    rb'\{"v":1,"seq":[0-9]+,"time":"([^"\\]*)","event":"(?:(start)|(end)|(decision)|[a-z-]+)"(?:,"id":"([^"\\]*)")?'
)
_TIME, _START, _END, _DECISION, _ID = range(1, 6)


@dataclass(slots=True)
class Exchanges:
    """A walk over the exchanges that were decided from `since` (inclusive) to `until` (exclusive).

    `wanted` says of a decision whether it is. Damage and progress are told as `scan` tells them.
    """

    scan: Scan
    since: str | None
    until: str | None
    wanted: Callable[[dict[str, Any]], bool]
    _open: set[bytes] = field(default_factory=set)

    def records(self) -> Iterator[dict[str, Any]]:
        """The decisions and the ends, in the order of the log. Raises OSError."""
        paths = segments(self.scan.directory)
        self.scan.paths = spanned = within(paths, self.since, self.until)
        yield from self._read(self.scan)
        after = [path for path in paths if spanned and stem(path) > stem(spanned[-1])]
        while self._open and after:
            yield from self._read(Scan(self.scan.directory, Filter(), self.scan.on_damage, paths=[after.pop(0)]))

    def _read(self, scan: Scan) -> Iterator[dict[str, Any]]:
        since, until = ((text or "").encode("ascii") for text in (self.since, self.until))
        opened = self._open
        for line in scan.lines():
            head = _HEAD.match(line)
            if head is None:
                yield from self._unusual(line)
            elif head[_DECISION]:
                time = head[_TIME]
                if since <= time and (not until or time < until):
                    record = parse(line)
                    if record is not None and self.wanted(record):
                        opened.add(head[_ID])
                        yield record
            elif head[_END]:
                if head[_ID] in opened:
                    opened.discard(head[_ID])
                    if (record := parse(line)) is not None:
                        yield record
            elif head[_START]:
                opened.clear()

    def _unusual(self, line: bytes) -> Iterator[dict[str, Any]]:
        """The same for a record that another writer wrote in its own way."""
        record = parse(line) or {}
        name, time = str(record.get("id")).encode("ascii", "replace"), str(record.get("time"))
        match record.get("event"):
            case "decision" if self._is_within(time) and self.wanted(record):
                self._open.add(name)
                yield record
            case "end" if name in self._open:
                self._open.discard(name)
                yield record
            case "start":
                self._open.clear()

    def _is_within(self, time: str) -> bool:
        return (self.since or "") <= time and (self.until is None or time < self.until)


def starts(directory: Path, since: str | None, until: str | None) -> Iterator[Record]:
    """The records of the gateways that ran in a span of time: the last start before it, and those in it."""
    if since is not None:
        yield from newest(directory, Filter(event="start", until=since), 1)
    for _, record in matching(Scan(directory, Filter(event="start", since=since, until=until))):
        yield record
