"""Who signs: the key of today, and when the day (UTC) changes, the one that follows it.

A new key is announced in the log, signed by the old one. When a checkpoint covers that record, both sign it, it is
remembered, and the old private key is erased: from then on nobody can sign for the days that are over. Interrupted at
any moment, the handover is done again from its beginning, with the same new key.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.proof.keychain import Announcement, Keychain
from gateway.audit.proof.notes import BadNote
from gateway.audit.proof.store import KEYS
from gateway.audit.records.times import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.audit.proof.keys import DayKey, KeyFolder
    from gateway.audit.proof.notes import SigningKey, VerifierKey
    from gateway.audit.proof.store import Store

_DAY: Final = len("2026-11-23")


@dataclass(slots=True)
class Handover:
    """The keys of a log while it is written. Methods raise OSError."""

    store: Store
    keys: KeyFolder
    clock: Callable[[], float]
    today: DayKey
    known: tuple[VerifierKey, ...]
    """Every key that ever signed for this log, as its folder tells."""
    announced: Announcement | None = None
    """What the log has to be told, and must cover before the key takes over (the first one just signs)."""
    following: DayKey | None = None

    @classmethod
    def begin(cls, store: Store, keys: KeyFolder, clock: Callable[[], float]) -> Handover:
        """Take up the keys of a log, or make its first. Raises OSError, and AuditUnavailable for a key of no use."""
        told = announcements(store)
        origin = told[-1].origin if told else None
        today = keys.signing()
        day = _day(clock())
        if today is None:
            today = keys.begin(day, origin)
        handover = cls(store, keys, clock, today, tuple(each.key for each in told))
        if today.key.verifier not in handover.known:
            handover.announced = handover._announce(today, today.key)
        elif (following := keys.following()) is not None:
            handover.following = following
            handover.announced = handover._announce(following, today.key)
        return handover

    @property
    def origin(self) -> str:
        """The name of the log."""
        return self.today.key.name

    @property
    def chain(self) -> Keychain:
        """The keys that checkpoints of this log may bear."""
        return Keychain(self.known)

    def due(self) -> Announcement | None:
        """The announcement of a new key, if the day has changed since the last one was made."""
        day = _day(self.clock())
        if self.following is not None or day <= self.today.day:
            return None
        self.following = self.keys.prepare(self.origin, day)
        self.announced = self._announce(self.following, self.today.key)
        return self.announced

    def signers(self, *, covered: bool) -> list[SigningKey]:
        """Who signs the next checkpoint; both, if the record of the new key is `covered` by it."""
        both = self.following is not None and covered
        return [self.today.key, self.following.key] if both and self.following else [self.today.key]

    def complete(self) -> None:
        """The checkpoint with both signatures is on the disk: the new key takes over."""
        if self.following is not None:
            self.keys.hand_over()
            self.today, self.following, self.announced = self.following, None, None

    def _announce(self, new: DayKey, by: SigningKey) -> Announcement:
        announcement = Announcement.make(new.day, new.key, by)
        if new.key.verifier not in self.known:
            self.store.remember(KEYS, str(announcement.note))
            self.known += (announcement.key,)
        return announcement


def announcements(store: Store) -> list[Announcement]:
    """The announcements in the folder of a proof; what is none is passed over. Raises OSError."""
    found = list[Announcement]()
    for note in store.notes(KEYS):
        with suppress(BadNote):
            found.append(Announcement.parse(note))
    return found


def _day(now: float) -> str:
    return timestamp(now)[:_DAY]
