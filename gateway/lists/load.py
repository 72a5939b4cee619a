"""Loading the lists of a policy: read, judged, kept. A bad copy never replaces a good one, and it is always said so.

A file that is missing, broken or not believed leaves the last good copy in force, with a notice; without such a copy it
is a problem, and the policy cannot be used. A file older than `max_age` stays in force, with a notice: an old list of
what is bad is better than none.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gateway.lists.guards import counted, objections, shrinkage
from gateway.lists.kept import KeptCopies
from gateway.lists.reading import Reading, read_items, read_source
from gateway.lists.source import Source, UnreadableError
from gateway.policy.domains import KEY_LENGTH
from gateway.policy.language.conditions import ListRef
from gateway.policy.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gateway.lists.shelf import Shelf
    from gateway.policy.language.clauses import ListDocument
    from gateway.policy.lists import ListContent

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True, slots=True)
class LoadedList:
    """One list: its content, or why there is none; what is odd about the content; and how old it is, if too old.

    `fell_back` says that its file was refused, and that the content is that of the last good copy.
    """

    document: ListDocument
    content: ListContent | None
    complaints: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    fell_back: bool = False

    def told(self, sentences: tuple[str, ...]) -> tuple[Problem, ...]:
        """These sentences with the place of the list."""
        document = self.document
        return tuple(Problem(document.place, f"lists.{document.name}", sentence) for sentence in sentences)


@dataclass(frozen=True, slots=True)
class LoadedLists:
    """All lists of a policy by name. It is fit for use if `problems` is empty; `notices` are for people to read."""

    lists: Mapping[str, LoadedList] = field(default_factory=dict)

    @property
    def contents(self) -> dict[str, ListContent]:
        """What the lists hold."""
        return {name: each.content for name, each in self.lists.items() if each.content is not None}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why lists have no content, in the order of their places."""
        return tuple(sorted(problem for each in self.lists.values() for problem in each.told(each.complaints)))

    @property
    def notices(self) -> tuple[Problem, ...]:
        """What is not as it should be about lists that are in force, in the order of their places."""
        return tuple(sorted(note for each in self.lists.values() for note in each.told(each.remarks + each.stale)))

    def grown_old(self, now: float) -> dict[str, LoadedList]:
        """Those that are older than they may be by now, and were not when this was last asked or they were loaded."""
        return {
            name: replace(each, stale=stale)
            for name, each in self.lists.items()
            if each.content is not None and not each.stale and (stale := stale_at(each.document, each.content, now))
        }


def stale_at(document: ListDocument, content: ListContent, now: float) -> tuple[str, ...]:
    """That a list is older than it may be at this moment, if it is."""
    age = now - (content.modified or now)
    if document.max_age is None or age <= document.max_age:
        return ()
    return (
        f"stale: `{_named(document)}` is {_age(age)} old, `max_age` is {_age(document.max_age)}; it stays in force",
    )


def load_lists(  # noqa: PLR0913 - what lists are judged by, and whether that leaves anything behind
    lists: Mapping[str, ListDocument],
    base: Path,
    keep: Path | None,
    now: float,
    before: LoadedLists | None = None,
    *,
    only_look: bool = False,
    shelf: Shelf | None = None,
) -> LoadedLists:
    """Load lists. Files are found from `base`, the folder of the policy file.

    `keep` is a directory for the last good copies of this policy's lists and of nothing else, with what was fetched
    beside it; None keeps none, falls back on none, and takes lists that are fetched for empty. `now` is in seconds
    since the epoch. Lists that did not change since `before` are taken from there. `only_look` writes no copies.
    Names are kept on the `shelf` that processes share, if there is one.
    """
    key = os.urandom(KEY_LENGTH) if shelf is None else shelf.key
    loader = _Loader(base, KeptCopies(keep, only_look), now, before or LoadedLists(), shelf, key)
    waiting = dict(lists)
    while waiting:
        # Guards look at other lists, so those come first. Lists that wait for each other get no further: the guards
        # find nothing to check against, and object.
        ready = [name for name in waiting if not _references(waiting[name]) & waiting.keys()] or list(waiting)
        for name in ready:
            loader.load(name, waiting.pop(name))
    return LoadedLists({name: loader.loaded[name] for name in lists})


@dataclass(frozen=True, slots=True)
class _Loader:
    base: Path
    kept: KeptCopies
    now: float
    before: LoadedLists
    shelf: Shelf | None
    key: bytes
    loaded: dict[str, LoadedList] = field(default_factory=dict)

    def load(self, name: str, document: ListDocument) -> None:
        path = self._path(document)
        if path is None:
            unfetched = () if document.feed is None else (f"{document.origin} is not fetched here: the list is empty",)
            self.loaded[name] = LoadedList(document, read_items(document, self.key), remarks=unfetched)
            return
        try:
            source = Source.read(path)
        except UnreadableError as error:
            why = str(error) if document.feed is None else "was not fetched yet"
            self.loaded[name] = self._fall_back(document, (f"{document.origin} {why}",))
            return
        self.loaded[name] = self._unchanged(name, document, source) or self._judged(document, source)

    def _path(self, document: ListDocument) -> Path | None:
        if document.feed is not None:
            from gateway.lists.feeds import beside, copy_name  # noqa: PLC0415 - few lists are fetched

            folder = self.kept.directory
            return None if folder is None else beside(folder) / copy_name(document.feed)
        return None if document.file is None else self.base / document.file

    def _unchanged(self, name: str, document: ListDocument, source: Source) -> LoadedList | None:
        """The list as it was loaded before, if nothing that it was judged by can have changed."""
        known = self.before.lists.get(name)
        if known is None or known.content is None or known.document != document or _references(document):
            return None
        if known.content.digest != source.digest or known.content.file != source.path:
            return None
        content = replace(known.content, modified=source.modified)
        return LoadedList(document, content, remarks=known.remarks, stale=stale_at(document, content, self.now))

    def _judged(self, document: ListDocument, source: Source) -> LoadedList:
        reading = read_source(document, source, self.key)
        copy = self.kept.read(document.name)
        complaints = (*self._complaints(document, reading), *self._shrunk(document, reading, copy))
        if complaints:
            return self._fall_back(document, complaints, copy)
        remarks = [f"{document.origin}: {remark}" for remark in reading.oddities.notices()]
        if copy is None or copy.digest != source.digest:
            failure = self.kept.keep(document.name, source)
            remarks += [] if failure is None else [f"{document.origin} {failure}"]
        content = self._shelved(self._judged_copy(reading.content))
        stale = stale_at(document, content, self.now)
        return LoadedList(document, content, remarks=tuple(remarks), stale=stale)

    def _judged_copy(self, content: ListContent) -> ListContent:
        """A database is opened again to be used, so that has to be the copy that was judged."""
        path = self.kept.path(content.name)
        used_from_file = content.type == "database" and path is not None and path.exists()
        return replace(content, file=str(path)) if used_from_file else content

    def _complaints(self, document: ListDocument, reading: Reading) -> tuple[str, ...]:
        entries, tolerant = reading.content.entries, document.type == "domain"
        wrong = tuple(
            f"{document.origin} {problem}" for problem in reading.oddities.problems(entries, tolerant=tolerant)
        )
        others = {name: each.content for name, each in self.loaded.items() if each.content is not None}
        return wrong or tuple(
            f"{document.origin} {objection}" for objection in objections(reading, document.guard, others)
        )

    def _shrunk(self, document: ListDocument, reading: Reading, copy: Source | None) -> Iterator[str]:
        if copy is None or document.guard is None or document.guard.max_shrink is None:
            return
        if copy.digest == reading.content.digest:
            return
        before = read_source(document, copy, self.key).content.entries
        objection = shrinkage(reading.content.entries, before, document.guard)
        if objection is not None:
            way_out = f"if it is meant, remove `{self.kept.path(document.name)}`"
            yield f"{document.origin} {objection}; {way_out}"

    def _fall_back(self, document: ListDocument, why: tuple[str, ...], copy: Source | None = None) -> LoadedList:
        copy = copy or self.kept.read(document.name)
        if copy is None:
            return LoadedList(document, None, complaints=why)
        reading = read_source(document, copy, self.key)
        if self._complaints(document, reading):
            spoilt = f"the last good copy `{copy.path}` cannot be used either, as the policy is now"
            return LoadedList(document, None, complaints=(*why, spoilt))
        age, held = _age(self.now - copy.modified), counted(reading.content.entries)
        more = f" (and {len(why) - 1} more)" if len(why) > 1 else ""
        remark = f"{why[0]}{more}; the last good copy, {age} old, with {held}, stays in force"
        content = self._shelved(reading.content)
        stale = stale_at(document, content, self.now)
        return LoadedList(document, content, remarks=(remark,), stale=stale, fell_back=True)

    def _shelved(self, content: ListContent) -> ListContent:
        """The same, with its names in memory that processes share."""
        if self.shelf is None or content.domains is None:
            return content
        return replace(content, domains=content.domains.moved(self.shelf.kept))


def _named(document: ListDocument) -> str | None:
    return document.file if document.feed is None else document.feed.url


def _references(document: ListDocument) -> set[str]:
    never = () if document.guard is None else document.guard.never_contains
    return {entry.name for entry in never if isinstance(entry, ListRef)}


def _age(seconds: float) -> str:
    """A length of time in its largest whole unit."""
    length, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), _UNITS[-1])
    return f"{max(int(seconds // length), 0)} {unit}"
