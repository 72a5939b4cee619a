"""Who keeps an exchange waiting, and for how long: a client with its body, an upstream with its answer.

There is no timer: whoever sweeps over the connections has every exchange looked at, how far its bodies have come and
whom the gateway waits for at that moment. So a piece of a body costs nothing here, and nobody is blamed for the time
in which the gateway, or the other side, took nothing from him.

A body has its patience and a second more for every so many bytes that came, so that one byte every few seconds keeps
nothing open (slow POST); Apache's mod_reqtimeout counts in the same way. Once an answer is under way both sides may
take turns, as in gRPC, and only the silence of both counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from mitmproxy.proxy.layers.http import GetHttpConnection

from addons.http2.taps import Way
from addons.judging.exchange import exchange_of
from addons.streams.stream import GatewayStream
from gateway.policy.model import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mitmproxy.proxy.layers.http import HttpStream

    from addons.connections.bounds import Patience
    from addons.connections.phases import Sight
    from addons.http2.taps import Taps
    from addons.judging.exchange import Exchange


class Awaited(Enum):
    """Whom, or what, an exchange waits for."""

    NOBODY = auto()
    """It is being judged or begun: there are other bounds for that."""
    BODY = auto()
    """The client's body."""
    ANSWER = auto()
    """The beginning of the answer."""
    REST = auto()
    """More of the answer, or that the upstream takes more of the body."""
    CLIENT = auto()
    """That the client takes what it asked for."""
    LAW = auto()
    """Nothing any more: the policy that is in force now refuses it."""


REASONS: Final = {
    Awaited.BODY: Reason.BODY_TIMEOUT,
    Awaited.ANSWER: Reason.UPSTREAM_TIMEOUT,
    Awaited.REST: Reason.UPSTREAM_TIMEOUT,
    Awaited.CLIENT: Reason.CLIENT_TIMEOUT,
    Awaited.LAW: Reason.POLICY_CHANGED,
}
"""Why an exchange ends that waited in vain, or may not go on."""


@dataclass(slots=True)
class Pace:
    """How one exchange comes along, from look to look. `waited` counts the seconds spent on the client's body."""

    looked: float
    since: float
    awaited: Awaited = Awaited.NOBODY
    mark: object = None
    waited: float = 0.0

    def look(self, now: float, awaited: Awaited, mark: object) -> None:
        """See whom it waits for now; another `mark` than the last time means that something has happened."""
        if awaited is self.awaited is Awaited.BODY:
            self.waited += now - self.looked
        if awaited is not self.awaited or mark != self.mark:
            self.awaited, self.mark, self.since = awaited, mark, now
        self.looked = now

    def is_late(self, patience: Patience, received: int) -> bool:
        """Whether whoever is waited for has had all the time there is; `received` are bytes of the client's body."""
        silent = self.looked - self.since
        match self.awaited:
            case Awaited.NOBODY | Awaited.LAW:
                return False
            case Awaited.BODY:
                return silent > patience.body or self.waited > _time_for(received, patience)
            case Awaited.ANSWER:
                return silent > patience.answer
            case Awaited.REST | Awaited.CLIENT:
                return silent > patience.exchange


def _time_for(received: int, patience: Patience) -> float:
    """Seconds that a body may have taken of which so much has come."""
    return patience.body + received / patience.body_rate if patience.body_rate else float("inf")


class Watcher:
    """Looks after the exchanges of one layer of HTTP, whose `streams` come and go.

    `may_send` tells whether the client has room in its window for more of a stream's body.
    """

    __slots__ = ("_late", "_may_send", "_paces", "_patience", "_streams", "_taps")

    def __init__(
        self, streams: Mapping[int, HttpStream], taps: Taps, patience: Patience, may_send: Callable[[int], bool]
    ) -> None:
        self._streams: Final = streams
        self._taps: Final = taps
        self._patience: Final = patience
        self._may_send: Final = may_send
        self._paces: dict[int, Pace] = {}
        self._late: dict[int, Awaited] = {}

    def look(self, now: float, sight: Sight) -> bool:
        """Whether an exchange has waited for too long. A second look at the same moment changes nothing."""
        if not self._streams:
            self._paces.clear()
            return False
        paces = {}
        for stream_id, stream in self._streams.items():
            exchange = _watched(stream)
            if exchange is None or not isinstance(stream, GatewayStream):
                continue
            pace = paces[stream_id] = self._paces.get(stream_id) or Pace(now, now)
            unsent = sight.unsent(stream.context.client), sight.unsent(stream.context.server)
            pace.look(now, self._awaited(stream, sight, unsent[0]), (exchange.up, exchange.down, unsent))
            if pace.is_late(self._patience, exchange.up):
                self._late[stream_id] = pace.awaited
            elif exchange.outcome is not None and exchange.outcome.reason is Reason.POLICY_CHANGED:
                self._late[stream_id] = Awaited.LAW
        self._paces = paces
        return bool(self._late)

    def take_late(self) -> tuple[tuple[int, Awaited], ...]:
        """The exchanges that have waited for too long, each once, and for whom."""
        late = tuple(self._late.items())
        self._late.clear()
        return late

    def _awaited(self, stream: GatewayStream, sight: Sight, unsent: int) -> Awaited:
        client, server = stream.context.client, stream.context.server
        if stream.waits_for is not None:
            return Awaited.ANSWER if isinstance(stream.waits_for, GetHttpConnection) else Awaited.NOBODY
        if stream.server_state == stream.state_stream_response_body:
            is_taken = not self._taps.is_shut((stream.stream_id, Way.DOWN)) and sight.awaits(server)
            return Awaited.REST if is_taken else Awaited.CLIENT
        if stream.client_state == stream.state_stream_request_body:
            if sight.awaits(client) and self._comes(stream.stream_id):
                return Awaited.BODY
            return Awaited.CLIENT if unsent else Awaited.REST
        if stream.server_state == stream.state_wait_for_response_headers:
            return Awaited.ANSWER
        return Awaited.NOBODY

    def _comes(self, stream_id: int) -> bool:
        """Whether nothing keeps the client from sending more of a body."""
        return not self._taps.is_shut((stream_id, Way.UP)) and self._may_send(stream_id)


def _watched(stream: HttpStream) -> Exchange | None:
    """The exchange of a stream that was judged and carries HTTP; tunnels and WebSockets have a bound of their own."""
    if stream.child_layer is not None or "flow" not in vars(stream):
        return None
    return exchange_of(stream.flow)
