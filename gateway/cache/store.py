"""Kept answers in memory, bounded in bytes: what was used longest ago goes first.

Under one key there may be several answers, one for each combination of the fields that the newest of them names in
Vary. An answer is kept whole or not at all.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.cache.varying import Secondary, secondary, varying_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.cache.messages import Answered, Asked

_OVERHEAD: Final = 1024
"""Bytes that an entry costs besides its content and fields."""
_VARIANTS: Final = 64
"""Answers under one key; a client that invents languages evicts the others of this key alone."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer with its content."""

    answer: Answered
    body: bytes

    @property
    def size(self) -> int:
        """What it costs, in bytes."""
        fields = sum(len(name) + len(value) for name, value in self.answer.raw)
        return _OVERHEAD + fields + len(self.body)


@dataclass(slots=True)
class _Variants:
    names: tuple[str, ...]
    answers: OrderedDict[Secondary, Kept] = field(default_factory=OrderedDict)


@dataclass(slots=True)
class MemoryStore:
    """`most` bounds all answers together, `most_each` every single one, in bytes."""

    most: int
    most_each: int
    _size: int = 0
    _entries: OrderedDict[str, _Variants] = field(default_factory=OrderedDict)

    def find(self, request: Asked) -> Kept | None:
        """The answer that was kept for a request like this one."""
        variants = self._entries.get(request.key)
        if variants is None:
            return None
        self._entries.move_to_end(request.key)
        wanted = secondary(request, variants.names)
        found = variants.answers.get(wanted)
        if found is not None:
            variants.answers.move_to_end(wanted)
        return found

    def knows(self, key: str) -> bool:
        """Whether there is any answer under this key, for whomever."""
        return key in self._entries

    def keep(self, request: Asked, kept: Kept) -> bool:
        """Keep an answer in the place of the one before; False if it is too large. What is too old makes room."""
        if kept.size > min(self.most, self.most_each):
            self.forget(request.key)
            return False
        names = varying_names(kept.answer)
        variants = self._entries.get(request.key)
        if variants is None or variants.names != names:
            self.forget(request.key)
            variants = self._entries[request.key] = _Variants(names)
        self._put(variants, secondary(request, names), kept)
        self._entries.move_to_end(request.key)
        while self._size > self.most:
            self.forget(next(iter(self._entries)))
        return True

    def forget(self, key: str) -> bool:
        """Drop every answer under a key; whether there was one."""
        variants = self._entries.pop(key, None)
        if variants is None:
            return False
        self._size -= sum(each.size for each in variants.answers.values())
        return True

    def purge(self, takes: Callable[[str], bool]) -> frozenset[str]:
        """Drop every answer whose key it takes; returns the keys."""
        keys = frozenset(filter(takes, self._entries))
        for key in keys:
            self.forget(key)
        return keys

    async def bring(self, request: Asked) -> None:
        """Everything is here."""

    @property
    def size(self) -> int:
        """What all answers cost, in bytes."""
        return self._size

    def __len__(self) -> int:
        """Under how many keys something is kept."""
        return len(self._entries)

    def _put(self, variants: _Variants, place: Secondary, kept: Kept) -> None:
        before = variants.answers.pop(place, None)
        if before is None and len(variants.answers) >= _VARIANTS:
            _, before = variants.answers.popitem(last=False)
        variants.answers[place] = kept
        self._size += kept.size - (0 if before is None else before.size)
