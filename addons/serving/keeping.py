"""What is in force, kept for a later start: after a start and after every reload, in a thread, if anything is new."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.control.configuration import what_waits
from gateway.control.inforce import Changed, Keeper
from gateway.control.returning import CONFIGURATION, part_name, settings_of
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from gateway.config.settings import Settings
    from gateway.control.inforce import KeptSet
    from gateway.control.outcomes import PartOutcome, What

type Part = tuple[What, str | None]


@dataclass(slots=True)
class Keeping:
    """Keeps what is in force. `said` hears why it could not be kept; `started` are the settings of the start."""

    started: Settings
    said: Callable[[str], None]
    _keeper: Keeper = field(init=False)
    _owed: dict[str, float] = field(default_factory=dict)
    _told: str = ""

    def __post_init__(self) -> None:
        self._keeper = Keeper(self.started.state)

    def note(self, parts: Iterable[PartOutcome], read: float, settings: Settings) -> None:
        """Parts were read from `read` on (seconds since the epoch), under `settings`: what was taken up is to be kept.

        A configuration of which something waits for the next start is not wholly in force, and never was tried.
        """
        for each in parts:
            name = part_name(each.what, each.listener)
            if each.what in {"list", "authorities"}:
                continue
            if each.state == "kept":
                self._owed.pop(name, None)
            elif name != CONFIGURATION or not what_waits(self.started, settings):
                self._owed[name] = read

    def forget(self) -> None:
        """Nothing is owed: what is in force came from what was kept."""
        self._owed.clear()

    async def keep(self, files: Mapping[Part, Sequence[Path]], settings: Settings) -> None:
        """Keep what is owed; whatever is in the way is said, and nothing else."""
        written = settings.written
        if written is None or not self._owed:
            return
        bodies = (route.body for each in settings.listeners for route in each.routes)
        named = {
            part_name(*part): each for part, each in files.items() if part[0] not in {"authorities", CONFIGURATION}
        }
        named[CONFIGURATION] = (written.file, *(each for each in bodies if each is not None))

        def check(kept: KeptSet) -> None:
            digest = settings_of(kept, written.file).written
            if CONFIGURATION in self._owed and digest != written:
                raise Changed(str(written.file))

        try:
            await asyncio.to_thread(self._keeper.keep, named, dict(self._owed), time.time(), check)
        except Changed:
            return  # it is read again, and kept then
        except (Malformed, OSError) as problem:
            sentence = f"what is in force was not kept for a later start: {problem}"
            if sentence != self._told:
                self.said(sentence)
            self._told = sentence
        else:
            self._told = ""
            self._owed.clear()
