"""A walk over the log on behalf of a person: how far it is, what is wrong with the log, and what is no longer there."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.audit.reading.scanning import Scan, no_progress
from gateway.cli.outcome import CANNOT_DECIDE, FINDINGS, OK, complain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TextIO

    from gateway.audit.reading.filters import Filter
    from gateway.audit.reading.reader import Damage

_PATIENCE: Final = 0.5
"""Seconds before somebody wants to know how far it is."""
MOST_TOLD: Final = 20
"""Places of damage that are told one by one."""


@dataclass(slots=True)
class Walk:
    """One walk; `quiet` shows no progress, for a verb that prints while it reads."""

    directory: Path
    wanted: Filter
    quiet: bool = False
    damaged: int = 0
    scan: Scan = field(init=False)

    def __post_init__(self) -> None:
        progress = no_progress if self.quiet or not sys.stderr.isatty() else Progress(sys.stderr).tell
        self.scan = Scan(self.directory, self.wanted, self.tell, progress)

    def tell(self, damage: Damage) -> None:
        """Tell a person of damage."""
        self.damaged += 1
        if self.damaged <= MOST_TOLD:
            complain(f"audit: {damage}")

    def code(self, *, found: bool) -> int:
        """Tell what else has to be known, and return the exit code: nothing found in a damaged log proves nothing."""
        if self.damaged > MOST_TOLD:
            complain(f"audit: and {self.damaged - MOST_TOLD} more places, `wicketgate audit verify` names all of them")
        if self.scan.pruned:
            complain(f"audit: of {self.scan.pruned} records only the hash is left, their time was over")
        if self.scan.first > 1 and self.wanted.since is None and self.scan.paths is None:
            complain(f"audit: the log begins with record {self.scan.first}, what came before was not kept")
        if found:
            return OK
        return CANNOT_DECIDE if self.damaged else FINDINGS


@dataclass(slots=True)
class Progress:
    """A percentage on a terminal, in place of the last one; it is gone when all is read."""

    out: TextIO
    clock: Callable[[], float] = time.monotonic
    _began: float | None = None
    _shown: int = -1

    def tell(self, done: int, size: int) -> None:
        """Show how much is read, if somebody has been waiting for a while."""
        percent = 100 * done // size if size else 100
        if self._began is None:
            self._began = self.clock()
        if percent == self._shown or self.clock() - self._began < _PATIENCE:
            return
        self._shown = percent
        self.out.write("\r\x1b[K" if done >= size else f"\r{percent:3} % of the log")
        self.out.flush()
