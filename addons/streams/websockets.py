"""WebSockets under limits: a message that is larger than it may be, and silence, end them on both sides and on record.

mitmproxy gathers a message until it is whole, without a bound. What is gathered of a message is looked at after every
read, and so is a message that inflates past the bound in one read (RFC 7692): it is not passed on.

Source: RFC 6455 section 7.4.1 (1001, going away; 1009, message too big).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, override

from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layers.websocket import WebsocketEndHook, WebsocketLayer, WebsocketMessageHook
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection

from addons.judging.exchange import exchange_of
from gateway.policy.model import Decision, Reason, refuse

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow
    from mitmproxy.proxy.context import Context
    from mitmproxy.proxy.events import Event

    from addons.http1.client_side import Commands

_GOING_AWAY: Final = 1001
_TOO_BIG: Final = 1009


class BoundedWebSocket(WebsocketLayer):
    """Relays messages of at most `most` bytes."""

    def __init__(self, context: Context, flow: HTTPFlow, most: int) -> None:
        super().__init__(context, flow)
        self._most: Final = most

    @override
    def relay_messages(self, event: Event) -> Commands:
        if isinstance(event, events.Wakeup):
            yield from self._end(_GOING_AWAY, refuse(Reason.IDLE_TIMEOUT))
            return
        is_too_big = False
        for command in super().relay_messages(event):
            if isinstance(command, WebsocketMessageHook) and self._outgrown():
                is_too_big = True
            yield command
            if is_too_big:
                break
        if is_too_big or self._gathered() > self._most:
            too_big = refuse(Reason.BODY_TOO_LARGE, f"A message is larger than {self._most} bytes.")
            yield from self._end(_TOO_BIG, too_big)

    @override
    def done(self, event: Event) -> Commands:
        """Whoever is woken when all is over has nothing more to do."""
        if not isinstance(event, events.Wakeup):
            yield from super().done(event)

    def _outgrown(self) -> bool:
        """Whether the message that is about to be passed on is too big; then it is not."""
        if self.flow.websocket is None:
            raise LookupError("a message outside of a websocket")
        message = self.flow.websocket.messages[-1]
        if len(message.content) <= self._most:
            return False
        message.dropped = True
        return True

    def _gathered(self) -> int:
        """How much of a message that is not whole is held, in bytes, on the side that holds more."""
        return max(sum(map(len, each.frame_buf)) for each in (self.client_ws, self.server_ws))

    def _end(self, code: int, decision: Decision) -> Commands:
        exchange, websocket = exchange_of(self.flow), self.flow.websocket
        if exchange is not None and exchange.outcome is None:
            exchange.outcome = decision
        if websocket is not None:
            websocket.timestamp_end, websocket.close_code = time.time(), code
        for each in (self.server_ws, self.client_ws):
            if each.state in {ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING}:
                yield each.send2(CloseConnection(code))
            yield commands.CloseConnection(each.conn)
        yield WebsocketEndHook(self.flow)
        self.flow.live = False
        self._handle_event = self.done
