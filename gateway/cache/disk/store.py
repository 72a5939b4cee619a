"""The answers of one route on disk, bounded in bytes and in number: what was used longest ago goes first.

What is where is known in memory; contents are read and written by one thread, so that no request waits for a disk but
the one that wants what is on it. What is dropped because it does not hold any more is gone from the folder before the
next word is said, so that no restart brings it back. A disk that is full, or fails, takes nothing for a while, and the
operator is told once.

Never written: what sets a cookie; what is for those alone who are set apart by their fields (they may hold secrets);
what varies by credentials.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final

from gateway.cache.disk import files
from gateway.cache.disk.entries import Damaged, name_of, written
from gateway.cache.varying import secondary, varying_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from gateway.cache.messages import Answered, Asked
    from gateway.cache.store import Kept

_SECRETS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})
_WAITING: Final = 64 * 1024 * 1024
"""Bytes that wait to be written; more is not written at all."""
_ENTRY: Final = 4096
"""Bytes that a file costs besides its own: what a file system takes for it."""


@dataclass(slots=True, eq=False)
class _File:
    """One answer on disk, or on its way there. What does not hold any more is not published."""

    name: str
    size: int
    holds: bool = True


@dataclass(slots=True)
class _Variants:
    names: tuple[str, ...]
    files: OrderedDict[str, _File] = field(default_factory=OrderedDict)


@dataclass(slots=True, eq=False)
class DiskStore:
    """`most` bounds all files together, in bytes, `most_each` every content, `entries` their number.

    `said` hears sentences for the operator, from any thread.
    """

    folder: Path
    most: int
    most_each: int
    entries: int
    said: Callable[[str], None]
    _index: OrderedDict[str, _Variants] = field(default_factory=OrderedDict)
    _size: int = 0
    _count: int = 0
    _waiting: int = 0
    _fails: bool = False
    _is_closed: bool = False
    _lost: deque[tuple[str, _File]] = field(default_factory=deque)
    _lock: Lock = field(default_factory=Lock)
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "cache"))

    def open(self) -> None:
        """Find what is there from before. What is damaged or foreign is removed. Raises OSError."""
        self.folder.mkdir(mode=files.PRIVATE, exist_ok=True)
        found = []
        for path in files.names(self.folder):
            try:
                found.append((*files.look(path), path.name))
            except (Damaged, OSError) as problem:
                self._remove(path.name, problem)
        for head, size, _, name in sorted(found, key=lambda each: each[2]):
            self._enter(head.key, head.names, _File(name, size))
        self._make_room()

    def close(self, *, wait: bool = True) -> None:
        """Take nothing more, and give nothing. What waits is written first; only with `wait` before this returns."""
        self._is_closed = True
        self._thread.shutdown(wait=wait)

    async def read(self, request: Asked) -> Kept | None:
        """The answer that is kept for a request like this one, checked; None if there is none that is whole."""
        self._tidy()
        found = None if self._is_closed else self._find(request)
        if found is None:
            return None
        kept = await asyncio.get_running_loop().run_in_executor(self._thread, self._read, found)
        if kept is None:
            self._drop(request.key, found)
            return None
        return kept if found.holds else None

    def knows(self, key: str) -> bool:
        """Whether there is any answer under this key, for whomever."""
        return key in self._index

    def keep(self, request: Asked, kept: Kept) -> None:
        """Have an answer written, in the place of the one before, if it may be."""
        self._tidy()
        names = varying_names(kept.answer)
        place = secondary(request, names)
        name = name_of(request.key, place)
        variants = self._index.get(request.key)
        if variants is not None and variants.names != names:
            self.forget(request.key)
        elif variants is not None and name in variants.files:
            self._drop(request.key, variants.files[name])
        if self._is_closed or not _may_be_written(request, kept.answer, names) or len(kept.body) > self.most_each:
            return
        head, body = written(name, request.key, names, kept)
        file = _File(name, len(head) + len(body))
        if file.size + _ENTRY <= self.most and self._waiting + file.size <= _WAITING:
            self._enter(request.key, names, file)
            with self._lock:
                self._waiting += file.size
            self._thread.submit(self._write, request.key, file, head, body)
            self._make_room()

    def forget(self, key: str) -> bool:
        """Drop every answer under a key, at once; whether there was one."""
        variants = self._index.get(key)
        if variants is None:
            return False
        for each in tuple(variants.files.values()):
            self._drop(key, each)
        return True

    def purge(self, takes: Callable[[str], bool]) -> frozenset[str]:
        """Drop every answer whose key it takes; returns the keys. `settled` waits until nothing of it is there."""
        keys = frozenset(filter(takes, self._index))
        for key in keys:
            for each in tuple(self._index[key].files.values()):
                self._drop(key, each, later=True)
        return keys

    async def settled(self) -> None:
        """Wait until everything that was said so far is done on the disk."""
        if not self._is_closed:
            await asyncio.get_running_loop().run_in_executor(self._thread, lambda: None)

    @property
    def size(self) -> int:
        """What all files cost, in bytes."""
        return self._size

    def __len__(self) -> int:
        """How many files there are."""
        return self._count

    def _find(self, request: Asked) -> _File | None:
        variants = self._index.get(request.key)
        if variants is None or request.partition:
            return None
        self._index.move_to_end(request.key)
        name = name_of(request.key, secondary(request, variants.names))
        found = variants.files.get(name)
        if found is not None:
            variants.files.move_to_end(name)
        return found

    def _enter(self, key: str, names: tuple[str, ...], file: _File) -> None:
        variants = self._index.get(key)
        if variants is None or variants.names != names:
            self.forget(key)
            variants = self._index[key] = _Variants(names)
        variants.files[file.name] = file
        self._index.move_to_end(key)
        self._size += file.size + _ENTRY
        self._count += 1

    def _make_room(self) -> None:
        while self._size > self.most or self._count > self.entries:
            key, variants = next(iter(self._index.items()))
            self._drop(key, next(iter(variants.files.values())), later=True)

    def _drop(self, key: str, file: _File, *, later: bool = False) -> None:
        """Let go of a file; `later` leaves the removing to the thread, for what may come back after a crash."""
        variants = self._index.get(key)
        if variants is None or variants.files.get(file.name) is not file:
            return
        del variants.files[file.name]
        if not variants.files:
            del self._index[key]
        self._size -= file.size + _ENTRY
        self._count -= 1
        with self._lock:
            file.holds = False
            if not later or self._is_closed:
                self._unlink(file.name)
        if later and not self._is_closed:
            self._thread.submit(self._unlink, file.name)  # what is written under this name from now on comes later

    def _tidy(self) -> None:
        """Let go of what could not be written."""
        while self._lost:
            self._drop(*self._lost.popleft())

    def _unlink(self, name: str) -> None:
        try:
            (self.folder / name).unlink(missing_ok=True)
        except OSError as problem:
            self.said(f"cache: `{self.folder / name}` does not hold any more and cannot be removed: {problem.strerror}")

    def _write(self, key: str, file: _File, head: bytes, body: bytes) -> None:
        """In the thread: write a file, unless it does not hold any more when it is there."""
        path = self.folder / file.name
        try:
            if file.holds:
                files.put(path, head, body)
            with self._lock:
                if file.holds:
                    files.publish(path)
                else:
                    files.withdraw(path)
            self._fails = False
        except OSError as problem:
            self._failed(problem)
            file.holds = False
            self._lost.append((key, file))
        finally:
            with self._lock:
                self._waiting -= file.size

    def _read(self, file: _File) -> Kept | None:
        """In the thread: read a file whole, and remove it if it is not as it was written."""
        try:
            return files.read(self.folder / file.name, self.most_each)
        except (Damaged, OSError) as problem:
            with self._lock:
                if file.holds:
                    self._remove(file.name, problem)
            return None

    def _remove(self, name: str, problem: Exception) -> None:
        self.said(f"cache: `{self.folder / name}` was removed: {getattr(problem, 'strerror', None) or problem}")
        with suppress(OSError):
            (self.folder / name).unlink(missing_ok=True)

    def _failed(self, problem: OSError) -> None:
        if not self._fails:
            self.said(f"cache: `{self.folder}` takes nothing, answers are kept in memory alone: {problem.strerror}")
        self._fails = True


def _may_be_written(request: Asked, answer: Answered, names: Iterable[str]) -> bool:
    return not request.partition and "set-cookie" not in answer.fields and _SECRETS.isdisjoint(names)
