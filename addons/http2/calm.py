"""How much a client may stir without asking for anything: budgets that useful traffic fills again.

A budget is drained by what costs the gateway work and brings nobody forward, and filled by time and by real work, so
that a busy connection may say a lot and a busy nobody may not.

Source: RFC 9113 section 10.5 (denial of service); CVE-2019-9512 (PING), -9513 (PRIORITY), -9515 (SETTINGS), -9518
(empty frames), CVE-2023-44487 (rapid reset), CVE-2025-8671 (resets that the server is made to send).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from h2.errors import ErrorCodes

from addons.http2.frames import LARGEST, Broken, Frame, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

_END_STREAM: Final = 0x1


@dataclass(slots=True)
class Budget:
    """Starts with `most` and never holds more; time gives `rate` a second."""

    most: float
    rate: float
    left: float = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.most

    def fill(self, amount: float) -> None:
        """Give some of it back."""
        self.left = min(self.most, self.left + amount)

    def take(self, what: str) -> None:
        """Spend one. Raises Broken when nothing is left; `what` says of what there was too much."""
        self.left -= 1
        if self.left < 0:
            raise Broken(f"too many {what}", ErrorCodes.ENHANCE_YOUR_CALM)


@dataclass(slots=True)
class Calm:
    """Counts what a peer does on one connection. `clock` is monotonic, in seconds."""

    clock: Callable[[], float]
    chatter: Budget = field(default_factory=lambda: Budget(200, 20))
    updates: Budget = field(default_factory=lambda: Budget(1000, 100))
    resets: Budget = field(default_factory=lambda: Budget(200, 10))
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self._last = self.clock()

    def see(self, frame: Frame) -> None:
        """Count a frame that came. Raises Broken for the one that is too many."""
        self._let_time_pass()
        match frame.kind:
            case Kind.DATA if frame.size > 0:
                self.chatter.fill(1)
            case Kind.DATA if frame.flags & _END_STREAM:
                pass
            case Kind.DATA:
                self.chatter.take("empty frames")
            case Kind.HEADERS:
                self.chatter.fill(1)
            case Kind.CONTINUATION if frame.size >= LARGEST // 2:
                pass
            case Kind.WINDOW_UPDATE:
                self.updates.take("window updates")
            case Kind.RST_STREAM:
                self.updates.take("resets")  # those of streams that are over count nowhere else
            case _:
                self.chatter.take("frames that ask for nothing")

    def asked_nothing(self, what: str) -> None:
        """Something came that asks for nothing. Raises Broken for one too many."""
        self._let_time_pass()
        self.chatter.take(what)

    def gave_up(self) -> None:
        """A stream ended before its answer did, by the client or because of it. Raises Broken for one too many."""
        self._let_time_pass()
        self.resets.take("streams that were given up")

    def answered(self) -> None:
        """A stream came to a good end."""
        self.resets.fill(1)

    def sent(self, frames: int) -> None:
        """Frames of data went to the peer, who may say something to each."""
        self.updates.fill(4 * frames)
        self.chatter.fill(frames)

    def _let_time_pass(self) -> None:
        now = self.clock()
        passed, self._last = now - self._last, now
        if passed > 0:
            for each in (self.chatter, self.updates, self.resets):
                each.fill(passed * each.rate)
