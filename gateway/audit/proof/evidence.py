"""What a log says of itself: which keys were announced in it, and which records it removed because their time was over.

Who removes a record and puts its hash in its place leaves a tree that still fits; so a removal counts as one only if a
`retention` record tells of it, and those records are in the tree like all others and are never removed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.audit.proof.findings import Place
from gateway.audit.proof.store import FOLDER, KEYS
from gateway.audit.writing.recovery import parse_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.audit.proof.findings import Report
    from gateway.audit.proof.keychain import Announcement
    from gateway.audit.proof.notes import VerifierKey
    from gateway.audit.proof.walking import Span

type Numbers = tuple[int, int]
"""The first and the last of a range."""


@dataclass(slots=True)
class Evidence:
    """Fed with the records about keys and retention while a log is walked."""

    keys: dict[str, int] = field(default_factory=dict)
    """The number of the first record of every key."""
    removed: dict[str, list[Numbers]] = field(default_factory=lambda: defaultdict(list))
    """What was removed, by segment."""
    whole: set[str] = field(default_factory=set)
    """The segments that went as a whole."""

    def note(self, seq: int, line: bytes) -> None:
        """A record about a key or about retention."""
        match parse_line(line):
            case {"event": "key", "key": str(key)}:
                self.keys.setdefault(key, seq)
            case {"event": "retention", "segment": str(segment), "first": first, "last": last, **rest}:
                if isinstance(first, int) and isinstance(last, int):
                    self.removed[segment].append((first, last))
                if rest.get("whole") is True:
                    self.whole.add(segment)
            case _:
                pass

    def check_removals(self, report: Report, pruned: Sequence[Span], first: int, begins: Place) -> None:
        """Everything that is gone must have been said. The log `begins` with the number `first`."""
        for span in pruned:
            report.pruned += span.last - span.first + 1
            for start, end in _uncovered((span.first, span.last), self.removed[span.place.file.partition(".")[0]]):
                report.find(
                    span.place, start, f"{_to(start, end)} only a hash, and no record tells that their time was over"
                )
        gone = [numbers for segment in self.whole for numbers in self.removed[segment]]
        for start, end in _uncovered((1, first - 1), _joined(gone)):
            report.find(begins, start, f"{_to(start, end)} missing at the beginning, and no record tells why")

    def check_keys(
        self, report: Report, announced: Sequence[Announcement], signed: Sequence[tuple[int, Sequence[VerifierKey]]]
    ) -> None:
        """Every key stands in the log, and took over with a checkpoint that its predecessor signed too.

        `signed` are the sizes of checkpoints, with who signed each.
        """
        known = {str(each.key) for each in announced}
        for number, each in enumerate(announced, 1):
            at, place = self.keys.get(str(each.key)), Place(f"{FOLDER}/{KEYS}, note {number}", 0)
            if at is None or at > report.signed:
                continue
            before = announced[number - 2].key if number > 1 else each.key
            used = any(each.key in signers for _, signers in signed)
            if used and not any(size >= at and before in signers for size, signers in signed):
                report.find(
                    place, 0, f"no checkpoint over record {at}, which announces this key, was signed by the one before"
                )
        for number, each in enumerate(announced, 1):
            used = any(each.key in signers for _, signers in signed)
            if used and str(each.key) not in self.keys:
                report.find(
                    Place(f"{FOLDER}/{KEYS}, note {number}", 0), 0, "this key signed, and no record announces it"
                )
        for key, seq in self.keys.items():
            if key not in known:
                report.find(Place(f"{FOLDER}/{KEYS}", 0), seq, "announces a key that is not there")


def _to(start: int, end: int) -> str:
    return "is" if start == end else f"to {end} are"


def _joined(ranges: Sequence[Numbers]) -> list[Numbers]:
    """Ranges of segments that are all gone: what lies between them is gone with them."""
    return [(1, max(last for _, last in ranges))] if ranges else []


def _uncovered(wanted: Numbers, ranges: Sequence[Numbers]) -> Iterator[Numbers]:
    """The parts of a range that none of the others holds."""
    at, end = wanted
    for first, last in sorted(ranges):
        if first > end:
            break
        if at < first:
            yield at, min(first - 1, end)
        at = max(at, last + 1)
    if at <= end:
        yield at, end
