"""What is told of an exchange: one span for the server that the gateway is, one for each server that it asked.

A span is a plain value. Its names are those of the semantic conventions for HTTP; what they have none for stands under
`wicketgate.`. Nothing is in one that could not stand in the audit log: the values come from there.

Source: OpenTelemetry semantic conventions 1.38, HTTP spans; https://opentelemetry.io/docs/specs/semconv/http/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from gateway.traces.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

type Value = str | int

_TRACE_BYTES: Final = 16
_SPAN_BYTES: Final = 8
_DRAWN: Final = 1 << 53


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span that is over; times in nanoseconds since the epoch. `parent` is remote if it came over the network."""

    context: Context
    parent: str | None
    name: str
    kind: Literal["server", "client"]
    began: int
    ended: int
    attributes: Mapping[str, Value]
    failed: bool = False
    is_remote: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request to a server that failed it: its span, when it began and ended (monotonic seconds), and why."""

    span: str
    server: str
    began: float
    ended: float
    reason: str


@dataclass(slots=True, eq=False)
class Trace:
    """The trace of one exchange while it lasts: `own` is its server span, `parent` the span of the client, if any.

    `asks` is the span of the request to the server that is asked now, or will be; `attempts` are those before it.
    `time` is when it began in nanoseconds since the epoch, `state` what goes on of the client's `tracestate`; `is_told`
    says that servers are told of it. `draw` gives ids of spans.
    """

    own: Context
    draw: Callable[[], str]
    time: int
    parent: str | None = None
    state: str | None = None
    is_told: bool = False
    attempts: list[Attempt] = field(default_factory=list)
    asks: str = field(init=False)

    def __post_init__(self) -> None:
        """The first request to a server has a name before it is sent."""
        self.asks = self.draw()

    @property
    def id(self) -> str:
        """What the record of the decision calls it."""
        return self.own.trace

    @property
    def asking(self) -> Context:
        """What the server is told that is asked now."""
        return Context(self.own.trace, self.asks, self.own.sampled)

    def went_on(self, server: str, reason: str, let_through: float, now: float) -> None:
        """A server failed the request `now`, and another one will be asked."""
        began = self.attempts[-1].ended if self.attempts else let_through
        self.attempts.append(Attempt(self.asks, server, began, now, reason))
        self.asks = self.draw()


@dataclass(frozen=True, slots=True)
class Drawing:
    """Begins traces. `share` of them, from 0 to 1, is sampled; `draw` gives random bytes, `clock` nanoseconds."""

    share: float
    draw: Callable[[int], bytes]
    clock: Callable[[], int]

    def begin(self) -> Trace:
        """A new trace."""
        own = Context(self._id(_TRACE_BYTES), self.span(), self._is_sampled())
        return Trace(own, self.span, self.clock())

    def span(self) -> str:
        """The id of a new span."""
        return self._id(_SPAN_BYTES)

    def _id(self, size: int) -> str:
        while not any(drawn := self.draw(size)):
            pass
        return drawn.hex()

    def _is_sampled(self) -> bool:
        """Drawn by us, and not read off an id, which a client may have chosen."""
        return self.share > 0 and int.from_bytes(self.draw(7)) % _DRAWN < self.share * _DRAWN


def join(trace: Trace, parent: Context, state: str | None, *, is_trusted: bool) -> None:
    """Go on with the trace of a client. Whether it is sampled is its word alone if it is trusted."""
    sampled = parent.sampled if is_trusted else trace.own.sampled
    trace.own = Context(parent.trace, trace.own.span, sampled)
    trace.parent, trace.state = parent.span, state
