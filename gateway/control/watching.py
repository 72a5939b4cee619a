"""Files that have changed and come to rest, found by looking at them again and again.

Looking (stat) works on every file system and through every symbolic link: what is compared is the file that a path
leads to, so that an atomic rename, an editor's temporary file and the `..data` link of a Kubernetes ConfigMap are
changes like any other. inotify would be told sooner, but not by NFS, by overlays of containers, nor of links that are
swapped elsewhere.

Nobody reads a file in the middle of being written on purpose: a change counts once the file has looked the same for a
while, longer if it is gone, because some editors put it back. What never comes to rest is read all the same.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

EVERY: Final = 0.5
"""Seconds between two looks."""
_LONGER: Final = 3
"""A file that is gone has this many times as long to come back."""
_RESTLESS: Final = 30.0
"""Seconds after which a file that goes on changing counts all the same."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells one state of a file from another. `touched` is when it got this state, in seconds since the epoch."""

    facts: tuple[int, ...]
    touched: float = field(compare=False)


@dataclass(slots=True)
class _Unrest:
    """A file that is not as it was, since when, and since when it has looked like this."""

    stamp: Stamp | None
    since: float
    still: float


class Watch[Name]:
    """Looks after groups of files by their names. `groups` may name other files each time; `settle` is in seconds.

    `clock` gives seconds since the epoch; all files were read at `noted` or later. Every method looks at files, and
    belongs into a thread.
    """

    def __init__(
        self,
        groups: Callable[[], Mapping[Name, Iterable[Path]]],
        settle: float,
        clock: Callable[[], float],
        noted: float,
    ) -> None:
        self._groups: Final = groups
        self._settle: Final = settle
        self._clock: Final = clock
        self._known: dict[Path, Stamp | None] = {}
        self._unrest: dict[Path, _Unrest] = {}
        self._noted = noted

    def note(self, names: Iterable[Name] | None = None) -> None:
        """The files of these groups, or of all, are about to be read: only what changes from now on is news."""
        self._noted = self._clock()
        groups = self._groups()
        for file in {file for name in (groups if names is None else names) for file in groups.get(name, ())}:
            self._known[file] = stamp_of(file)
            self._unrest.pop(file, None)

    def learn(self, names: Iterable[Name]) -> None:
        """These groups were read since they were noted, and may name other files now."""
        groups = self._groups()
        for file in {file for name in names for file in groups.get(name, ())} - self._known.keys():
            self._meet(file, stamp_of(file))

    def changed(self) -> frozenset[Name]:
        """The groups of which a file has changed and come to rest. Each change is told once."""
        now, groups = self._clock(), self._groups()
        files = {file for each in groups.values() for file in each}
        for file in self._known.keys() - files:
            self._known.pop(file)
            self._unrest.pop(file, None)
        settled = {file for file in files if self._has_settled(file, now)}
        return frozenset(name for name, each in groups.items() if not settled.isdisjoint(each))

    def _has_settled(self, file: Path, now: float) -> bool:
        stamp = stamp_of(file)
        if file not in self._known:
            self._meet(file, stamp)
        if stamp == self._known[file]:
            self._unrest.pop(file, None)
            return False
        unrest = self._unrest.get(file)
        if unrest is None:
            unrest = self._unrest[file] = _Unrest(stamp, now, now)
        elif unrest.stamp != stamp:
            unrest.stamp, unrest.still = stamp, now
        patience = self._settle * (_LONGER if stamp is None else 1)
        if now - unrest.still < patience and now - unrest.since < _RESTLESS:
            return False
        self._known[file] = stamp
        del self._unrest[file]
        return True

    def _meet(self, file: Path, stamp: Stamp | None) -> None:
        """A file that was named by what was read a moment ago may be another one by now, and then is news."""
        is_news = stamp is not None and stamp.touched >= self._noted
        self._known[file] = None if is_news else stamp


def stamp_of(file: Path) -> Stamp | None:
    """The state of the file that a path leads to, None if it leads nowhere."""
    try:
        found = os.stat(file)  # noqa: PTH116 - as fast as it gets, several times a second
    except (OSError, ValueError):
        return None
    facts = (found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev, found.st_mode, found.st_uid)
    return Stamp(facts, found.st_ctime)
