"""What a check of a log came to: what is wrong, in the order of the records, and what else is good to know."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a segment; `line` counts from 1, and 0 stands for the file as a whole."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was signed: where, about which record (0: none), and what."""

    place: Place
    seq: int
    what: str

    def __str__(self) -> str:
        return f"{self.place}: record {self.seq}: {self.what}" if self.seq else f"{self.place}: {self.what}"


@dataclass(slots=True)
class Report:
    """All that a check found. `undecided` says why nothing may be concluded, if so."""

    origin: str = ""
    records: int = 0
    last: int = 0
    signed: int = 0
    checkpoints: int = 0
    anchored: int = 0
    pruned: int = 0
    key: str = ""
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    undecided: str | None = None

    def find(self, place: Place, seq: int, what: str) -> None:
        """Something is wrong."""
        self.findings.append(Finding(place, seq, what))

    def in_order(self) -> list[Finding]:
        """The findings by the number of their records; those about no record come last."""
        return sorted(self.findings, key=lambda each: each.seq or self.last + self.signed + 1)
