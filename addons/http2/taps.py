"""Which stream has to wait in which direction, and for whom: what makes backpressure out of windows and sockets.

Whoever cannot pass a body on shuts the tap of its stream and opens it again; the layer above tells the side where the
body comes from, which gives no window back (HTTP/2) or stops reading (HTTP/1) as long as any cause stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto


class Way(Enum):
    """In which direction a body goes."""

    UP = auto()
    """From the client to the origin."""
    DOWN = auto()
    """From the origin to the client."""


type Tap = tuple[int, Way]
"""A stream, by the number that the client's side gave it, and a direction of it."""


@dataclass(slots=True)
class Taps:
    """The taps of all streams of one client connection. `changed` are those that the layer has not looked at yet."""

    changed: dict[Tap, None] = field(default_factory=dict)
    _causes: dict[Tap, set[object]] = field(default_factory=dict)

    def shut(self, stream_id: int, way: Way, cause: object) -> None:
        """Let a stream wait; `cause` is whoever will open it again."""
        causes = self._causes.setdefault((stream_id, way), set())
        if not causes:
            self.changed[stream_id, way] = None
        causes.add(cause)

    def open(self, stream_id: int, way: Way, cause: object) -> None:
        """A cause is gone. Nothing happens if it was none."""
        causes = self._causes.get((stream_id, way))
        if causes is None:
            return
        causes.discard(cause)
        if not causes:
            del self._causes[stream_id, way]
            self.changed[stream_id, way] = None

    def open_all(self, cause: object) -> None:
        """A cause is gone for every stream that waited for it."""
        for stream_id, way in [tap for tap, causes in self._causes.items() if cause in causes]:
            self.open(stream_id, way, cause)

    def forget(self, stream_id: int) -> None:
        """A stream is over: nothing of it waits any more."""
        for way in Way:
            if self._causes.pop((stream_id, way), None):
                self.changed[stream_id, way] = None

    def is_shut(self, tap: Tap) -> bool:
        """Whether somebody still has a reason to wait."""
        return tap in self._causes

    def take_changed(self) -> tuple[Tap, ...]:
        """What has changed since the last time."""
        taken = tuple(self.changed)
        self.changed.clear()
        return taken
