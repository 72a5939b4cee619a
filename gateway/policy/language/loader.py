"""Strict YAML: text in, values with their places out. The only reader of YAML in the product.

Both stock loaders of PyYAML read `no` as false and `22:22` as 1342, keep the last of two equal keys silently and let a
few bytes of aliases grow into gigabytes. Here only `true`, `false`, `null` and decimal numbers have a type, everything
else is text; anchors, aliases, tags, merge keys, equal keys and second documents are errors. Size and depth are bounded
on the events, before anything is composed of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gateway.policy.errors import quoted
from gateway.policy.language.characters import decoded, unwelcome
from gateway.policy.language.events import SyntaxProblem, events
from gateway.policy.language.nodes import Entry, Mapping, Node, Scalar, Sequence, Unreadable
from gateway.policy.language.syntax import (
    NO_ANCHORS,
    NO_DIRECTIVES,
    NO_MERGE_KEYS,
    NO_TAGS,
    ONE_DOCUMENT,
    in_plain_words,
)
from gateway.policy.problems import Invalid, Place, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES: Final = 1 << 20
"""A larger file is refused unread: long lists belong into list files."""
MAX_DEPTH: Final = 32
"""Lists and groups inside one another."""

_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None, "": None}


def load(text: str | bytes, file: str) -> Node:
    """The value that `text` holds; raises Invalid with all that is wrong with it."""
    node, problems = scan(text, file)
    if problems or node is None:
        raise Invalid(problems)
    return node


def scan(text: str | bytes, file: str) -> tuple[Node | None, list[Problem]]:
    """The value and the problems of `text`, for readers that go on to complain about the rest of the file.

    What could not be read is Unreadable in the value; the value is None if nothing could be read at all.
    """
    if len(text) > MAX_BYTES:
        sentence = f"the file is larger than {MAX_BYTES // 1024} KiB, move long lists into files of their own"
        return None, [Problem(Place(file, 1, 1), "", sentence)]
    characters, problems = decoded(text, file)
    if characters is None:
        return None, problems
    composer = _Composer(file)
    try:
        composer.compose(events(characters))
    except SyntaxProblem as problem:
        line, column, sentence = in_plain_words(problem)
        composer.problems.append(Problem(Place(file, line, column), "", sentence))
        return None, composer.problems
    except _TooDeepError:
        return None, composer.problems
    if composer.root is None:
        composer.problems.append(Problem(Place(file, 1, 1), "", "the file is empty"))
    return composer.root, composer.problems


class _TooDeepError(Exception):
    """Raised to stop reading; the problem is on the list already."""


@dataclass(slots=True)
class _Open:
    """A list or group that is not closed yet. In a group, `key` waits for its value."""

    place: Place
    broken: bool
    items: list[Node] | None = None
    entries: dict[str, Entry] | None = None
    key: tuple[str, Place] | None = None
    keyless: bool = False


@dataclass(slots=True)
class _Composer:
    """Puts events together to one value, by a stack of its own: the depth of a file is no depth of calls."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    root: Node | None = None
    _open: list[_Open] = field(default_factory=list)
    _documents: int = 0

    def compose(self, stream: Iterator[Any]) -> None:
        for event in stream:
            kind = type(event).__name__
            place = self._place(event)
            if kind == "DocumentStartEvent":
                self._begin_document(event, place)
            elif self._documents > 1:
                return
            elif kind == "ScalarEvent":
                self._add(self._scalar(event, place))
            elif kind == "AliasEvent":
                self._complain(place, NO_ANCHORS)
                self._add(Unreadable(place))
            elif kind in {"SequenceStartEvent", "MappingStartEvent"}:
                self._begin(event, place, kind)
            elif kind in {"SequenceEndEvent", "MappingEndEvent"}:
                self._add(self._end())

    def _begin_document(self, event: Any, place: Place) -> None:
        self._documents += 1
        if event.version is not None or event.tags:
            self._complain(place, NO_DIRECTIVES)
        if self._documents > 1:
            self._complain(place, ONE_DOCUMENT)

    def _begin(self, event: Any, place: Place, kind: str) -> None:
        if len(self._open) >= MAX_DEPTH:
            self._complain(place, f"more than {MAX_DEPTH} lists and groups inside one another, no file needs that")
            raise _TooDeepError
        broken = self._decorated(event, place)
        if kind == "SequenceStartEvent":
            self._open.append(_Open(place, broken, items=[]))
        else:
            self._open.append(_Open(place, broken, entries={}))

    def _end(self) -> Node:
        done = self._open.pop()
        if done.broken:
            return Unreadable(done.place)
        if done.items is not None:
            return Sequence(tuple(done.items), done.place)
        return Mapping(tuple((done.entries or {}).values()), done.place)

    def _scalar(self, event: Any, place: Place) -> Node:
        if self._decorated(event, place):
            return Unreadable(place)
        text: str = event.value
        found = unwelcome(text)
        if found is not None:
            self._complain(place, f"the escape for {found} is not allowed, leave it out")
            return Unreadable(place)
        plain = event.style is None
        if plain and text == "<<" and self._wants_key():
            self._complain(place, NO_MERGE_KEYS)
            return Unreadable(place)
        return Scalar(_typed(text) if plain else text, text, place)

    def _decorated(self, event: Any, place: Place) -> bool:
        if event.anchor is not None:
            self._complain(place, NO_ANCHORS)
        elif event.tag is not None:
            self._complain(place, NO_TAGS)
        return event.anchor is not None or event.tag is not None

    def _wants_key(self) -> bool:
        return bool(self._open) and self._open[-1].entries is not None and self._open[-1].key is None

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if parent.items is not None:
            parent.items.append(node)
        elif parent.key is None and not parent.keyless:
            self._take_key(parent, node)
        else:
            self._take_value(parent, node)

    def _take_key(self, parent: _Open, node: Node) -> None:
        if isinstance(node, Scalar) and "\n" not in node.text:
            parent.key = (node.text, node.place)
            return
        if not isinstance(node, Unreadable):
            self._complain(node.place, "a key is one line of text, nothing else can be one")
        parent.keyless = True

    def _take_value(self, parent: _Open, node: Node) -> None:
        key, parent.key, parent.keyless = parent.key, None, False
        if key is None or parent.entries is None:
            return
        name, place = key
        first = parent.entries.get(name)
        if first is None:
            parent.entries[name] = Entry(name, place, node)
        else:
            self._complain(place, f"the key {quoted(name)} occurs twice, it stands in line {first.place.line} already")

    def _place(self, event: Any) -> Place:
        mark = event.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1)

    def _complain(self, place: Place, sentence: str) -> None:
        self.problems.append(Problem(place, "", sentence))


def _typed(text: str) -> str | int | float | bool | None:
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text
