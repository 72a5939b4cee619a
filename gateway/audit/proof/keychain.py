"""The keys of a log, one per day: the first is believed, every other one is vouched for by the one before it.

An announcement is a signed note of three lines, `ORIGIN/key`, the day, and the public key. The first is signed by its
own key, which proves nothing but that somebody has it; all others by their predecessors, whose private halves are
erased then. Who got hold of a key can lie about its day and what follows, not about the days before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from gateway.audit.proof.notes import BadNote, Note, VerifierKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.audit.proof.notes import SigningKey

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Announcement:
    """From `day` on, `key` signs; `note` says so."""

    origin: str
    day: str
    key: VerifierKey
    note: Note

    @classmethod
    def make(cls, day: str, key: SigningKey, by: SigningKey) -> Self:
        """Announce `key`, signed by its predecessor, or by itself if it is the first."""
        return cls.parse(str(Note.sign(f"{key.name}/key\n{day}\n{key.verifier}\n", [by])))

    @classmethod
    def parse(cls, note: str) -> Self:
        """Read an announcement; nobody has checked its signature by that. Raises BadNote."""
        read = Note.parse(note)
        lines = read.text.splitlines()
        if len(lines) != _LINES or not lines[0].endswith("/key") or not _DAY.fullmatch(lines[1]):
            raise BadNote("an announcement of a key has three lines: `ORIGIN/key`, the day, the key")
        key, origin = VerifierKey.parse(lines[2]), lines[0].removesuffix("/key")
        if key.name != origin:
            raise BadNote(f"the key `{key.name}` is not named like its log `{origin}`")
        return cls(origin, lines[1], key, read)

    @property
    def is_first(self) -> bool:
        """Whether it is signed by its own key."""
        return any(each.id == self.key.id for each in self.note.signatures)


@dataclass(frozen=True, slots=True)
class Keychain:
    """Keys in their order, each vouched for by the one before it; the first is where belief begins."""

    keys: tuple[VerifierKey, ...]

    @classmethod
    def of(cls, announcements: Iterable[Announcement], trusted: VerifierKey | None = None) -> Self:
        """Follow the announcements from a trusted key, else from the first one. Raises BadNote where it breaks.

        The same announcement may come again: a handover that a crash interrupted is done once more.
        """
        keys = list[VerifierKey]() if trusted is None else [trusted]
        for each in announcements:
            if not keys:
                each.note.signers([each.key])
                keys.append(each.key)
            elif each.key in keys or (trusted is not None and len(keys) == 1 and not _signed_by(each, trusted)):
                continue
            else:
                _vouched(each, keys)
                keys.append(each.key)
        return cls(tuple(keys))

    @property
    def newest(self) -> VerifierKey:
        """The key that signs now."""
        return self.keys[-1]


def _signed_by(each: Announcement, key: VerifierKey) -> bool:
    return any((by.name, by.id) == (key.name, key.id) for by in each.note.signatures)


def _vouched(each: Announcement, keys: Sequence[VerifierKey]) -> None:
    try:
        each.note.signers(keys[-1:])
    except BadNote:
        raise BadNote(f"the key of {each.day} is not vouched for by the one before it") from None
