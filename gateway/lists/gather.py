"""From what a file says to the set that it means, with everything that was odd about it counted.

A line that is no name is left out of a list of names, for feeds of a million names always hold a few, and refusing the
feed would leave yesterday's in force over a typing error. Where more than one line in a hundred is wrong, the file is
not what it is said to be, and is not believed; so a short list that somebody keeps by hand is told every mistake. A
line that is no network is always a problem: it may be the very one that counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.lists.findings import Names, Prefixes, Skipped, Wrong
from gateway.lists.lines import read_lines
from gateway.policy.domains import DomainGathering, DomainSet
from gateway.policy.networks import AddressSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.lists.findings import Finding
    from gateway.lists.lines import Reader
    from gateway.policy.addresses import Version

WRONG_SHARE: Final = 0.01
"""More wrong lines than this, of all lines that should be entries, and a list of names is not believed."""

SHOWN: Final = 20
"""How many problems of one file are shown."""


@dataclass(slots=True)
class Oddities:
    """The lines that are no entries. All are counted, the first ones are kept; line 0 stands for the whole file."""

    wrong: int = 0
    skipped: int = 0
    first_wrong: list[tuple[int, str]] = field(default_factory=list)
    first_skipped: tuple[int, str] | None = None
    unusable: list[tuple[int, str]] = field(default_factory=list)

    def note(self, line: int, finding: Finding) -> None:
        """Take note of a line that is no entry."""
        match finding:
            case Wrong(why):
                self.wrong += 1
                if self.wrong <= SHOWN:
                    self.first_wrong.append((line, why))
            case Skipped(what):
                self.skipped += 1
                self.first_skipped = self.first_skipped or (line, what)
            case Names() | Prefixes():
                raise TypeError("an entry is no oddity")
            case unusable:
                self.unusable.append((line, unusable.why))

    def problems(self, entries: int, *, tolerant: bool) -> Iterator[str]:
        """Why the file is not believed. `tolerant` forgives one wrong line in a hundred."""
        yield from (f"line {line}: {why}" if line else why for line, why in self.unusable[:SHOWN])
        if self.wrong and not (tolerant and self.wrong <= WRONG_SHARE * (entries + self.wrong)):
            yield from (f"line {line}: {why}" for line, why in self.first_wrong)
            if self.wrong > SHOWN:
                more = self.wrong - SHOWN
                yield f"{more:,} more {'line is' if more == 1 else 'lines are'} wrong, is it of another format?"

    def notices(self) -> Iterator[str]:
        """What was left out of a file that is believed."""
        if self.wrong:
            line, why = self.first_wrong[0]
            yield f"{_lines(self.wrong)} no host and left out, the first is line {line}: {why}"
        if self.first_skipped is not None:
            line, what = self.first_skipped
            yield f"{_lines(self.skipped)} more than a name and left out, the first is line {line}: {what}"


def gather_names(content: bytes, reader: Reader, key: bytes, watched: tuple[str, ...]) -> Gathered:
    """The names of a file, and those entries that are one of the `watched` names or below one.

    `key` is the secret of `DomainGathering`.
    """
    tails = tuple(name.encode() for name in watched)
    gathering, oddities, seen = DomainGathering(key), Oddities(), set[str]()
    for line, found in read_lines(content, reader):
        if not isinstance(found, Names):
            oddities.note(line, found)
            continue
        gathering.add(found.reach, found.names, exempt=found.exempt)
        if tails and not found.exempt:
            seen.update(name.decode() for name in found.names if name.endswith(tails))
    return Gathered(oddities, domains=gathering.done(), seen=frozenset(seen))


def gather_networks(content: bytes, reader: Reader) -> Gathered:
    """The networks of a file."""
    prefixes: dict[tuple[Version, int], set[int]] = {}
    oddities = Oddities()
    for line, found in read_lines(content, reader):
        if isinstance(found, Prefixes):
            prefixes.setdefault((found.version, found.length), set()).update(found.numbers)
        else:
            oddities.note(line, found)
    return Gathered(oddities, networks=AddressSet(prefixes))


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a file holds: names or networks, and what was odd. `seen` are entries that end like a watched name."""

    oddities: Oddities
    domains: DomainSet | None = None
    networks: AddressSet | None = None
    seen: frozenset[str] = frozenset()

    @property
    def entries(self) -> int:
        """How many entries there are, each counted once."""
        return len(self.domains if self.domains is not None else self.networks or ())


def _lines(count: int) -> str:
    return "1 line is" if count == 1 else f"{count:,} lines are"
