"""The authority in force: the one that signs, those that clients should trust, and how they are read again."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Final, Literal

from gateway.audit.records.events import authority_record
from gateway.authority.constraints import Constraints
from gateway.authority.exports import fingerprint
from gateway.authority.keeping import load, load_or_make, read, trusted
from gateway.authority.making import planned
from gateway.authority.signers import AuthorityUnusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cryptography.x509 import Certificate

    from gateway.audit.records.events import Cause
    from gateway.audit.records.record import Record
    from gateway.authority.keeping import Kept
    from gateway.authority.making import Plan
    from gateway.authority.signers import Authority
    from gateway.config.settings import AuthoritySettings

_SOON: Final = dt.timedelta(days=60)
"""An authority that expires sooner is spoken of: its successor has to be installed by everybody meanwhile."""


class AuthorityStore:
    """The authorities in `folder`, of which one is made if there is none. `clock`: seconds since the epoch, UTC.

    `record` writes an audit record. Raises AuthorityUnusable if the one that signs cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        settings: AuthoritySettings,
        clock: Callable[[], float],
        record: Callable[[Record], object],
    ) -> None:
        self._folder: Final = folder
        self._plan: Final = plan_of(settings)
        self._clock: Final = clock
        self._record: Final = record
        self._authority = load_or_make(folder, self._plan)
        self._kept = read(folder)

    @property
    def current(self) -> Authority:
        """The authority that signs."""
        return self._authority

    def now(self) -> dt.datetime:
        """The time by the clock of the store."""
        return dt.datetime.fromtimestamp(self._clock(), dt.UTC)

    def published(self) -> tuple[Certificate, ...]:
        """What clients should trust now, that of the authority that signs first."""
        return trusted(self._kept, self.now())

    def notices(self) -> Iterator[str]:
        """What the operator should know of the authority that signs."""
        if self._authority.not_after - self.now() < _SOON:
            yield (
                f"ca: the authority expires on {self._authority.not_after:%Y-%m-%d}, "
                "make the next one in time: `wicketgate ca rotate`"
            )
        if self._plan.constraints not in (Constraints(), Constraints.of(self._authority.certificate)):
            yield (
                "ca: the certificate of the authority does not carry the constraints of the configuration; the gateway "
                "keeps them all the same, and `wicketgate ca rotate --config FILE` makes an authority that carries them"
            )

    @property
    def files(self) -> tuple[Path, ...]:
        """What is read: the files that are in the folder now, and the folder itself for those that come."""
        return (self._folder, *sorted(self._folder.glob("*")))

    async def reload_aside(self, cause: Cause) -> list[str]:
        """Take up what is in the folder now. What the operator should hear.

        Raises AuthorityUnusable, and then nothing has changed.
        """
        try:
            authority, kept = await asyncio.to_thread(self._read)
        except AuthorityUnusable as error:
            self._tell("refused", error.problems, cause)
            raise
        before, published = self._authority, self.published()
        self._authority, self._kept = authority, kept
        said = []
        if authority.certificate != before.certificate:
            said += [f"ca: another authority signs from now on ({authority.fingerprint} SHA-256)", *self.notices()]
        if self.published() != published:
            said.append(f"ca: what clients should trust has changed: {len(self.published())} in all")
        if said:
            self._tell("loaded", (), cause)
        return said

    def _tell(self, outcome: Literal["loaded", "refused"], problems: tuple[str, ...], cause: Cause) -> None:
        self._record(
            authority_record(
                outcome=outcome,
                signing=self._authority.fingerprint,
                trusted=[fingerprint(each, "SHA-256") for each in self.published()],
                problems=problems,
                now=self._clock(),
                cause=cause,
            )
        )

    def _read(self) -> tuple[Authority, tuple[Kept, ...]]:
        return load(self._folder, self._plan), read(self._folder)


def plan_of(settings: AuthoritySettings) -> Plan:
    """What the settings say of an authority, for the one that makes it."""
    return planned(settings.name, settings.permitted, settings.excluded, settings.lifetime)
