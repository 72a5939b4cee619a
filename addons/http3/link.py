"""One client of HTTP/3 between the socket and the handler: datagrams in and out, the timer, and an end in peace.

The handler sees a connection that it reads nothing from: what comes is brought to it. A connection that ends well waits
a moment until the client has acknowledged what it was given, as a kernel would for TCP.

Source: RFC 9000 section 10 (the end of a connection), section 6 of RFC 9002 (timers).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, override

from aioquic.quic import events as quic_events

from addons.connections.handler import GatewayHandler
from addons.http2.calm import Budget
from addons.http2.frames import Broken
from addons.http3.frames import Code
from addons.http3.session import Heard

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.proxy import events
    from mitmproxy.proxy.mode_specs import ProxyMode

    from addons.connections.handler import Stage
    from addons.http3.quic import GatewayQuic

type Spot = tuple[str, int]

LINGER: Final = 10.0
"""Seconds that a client gets to acknowledge the end of its answers, once we have said all."""
_GOODBYE: Final = 1.0
"""The same of a goodbye alone."""
_EARLY: Final = 16
"""Datagrams that are kept for a client that the gate has not seen yet."""


class Link:
    """A QUIC connection with one address. `send` puts a datagram on the wire, `named` hears of ids that come and go."""

    def __init__(
        self, quic: GatewayQuic, address: Spot, here: Spot, send: Callable[[bytes], None], named: Callable[..., None]
    ) -> None:
        self.quic: Final = quic
        self.address: Final = address
        self.handler: QuicHandler | None = None
        self.gone: Final = asyncio.Event()
        """Set when nothing more is sent or heard."""
        self._here: Final = here
        self._send: Final = send
        self._named: Final = named
        self._loop: Final = asyncio.get_running_loop()
        self._quiet: Final = Budget(1000, 100)
        self._last = self._loop.time()
        self._early: list[bytes] | None = []
        self._timer: asyncio.TimerHandle | None = None
        self._over: Final = asyncio.Event()
        self._waiter: Final = self._over  # as of a stream reader: whoever looks sees that more is waited for, always
        self._is_told = False
        self._is_closing = False

    # What the handler takes for the two halves of a stream

    def get_extra_info(self, name: str, default: object = None) -> object:
        """What is known of the connection."""
        return {"transport_protocol": "udp", "peername": self.address, "sockname": self._here}.get(name, default)

    @property
    def unsent(self) -> int:
        """Bytes that the client has not acknowledged yet."""
        return self.quic.all_unsent

    async def read(self, _most: int = -1) -> bytes:
        """Wait for the end, and bring meanwhile what comes to the handler."""
        early, self._early = self._early or [], None
        for each in early:
            self.receive(each)
        await self._over.wait()
        return b""

    def close(self) -> None:
        """End the connection when the client has acknowledged what it was given, or after a moment."""
        if self._is_closing:
            return
        self._is_closing = True
        self._over.set()
        if self._early is not None:
            self._turn_away(self._early)
        self._loop.call_later(LINGER if self.quic.is_answering else _GOODBYE, self._end)
        self._settle()

    def _turn_away(self, early: list[bytes]) -> None:
        """The gate lets nobody in from there: say so, to whoever has asked already."""
        self._early = None
        for each in early[:1]:
            self.quic.take(each, self.address, self._loop.time())
        self.quic.turn_away()
        self.transmit()

    # What comes and goes

    def receive(self, datagram: bytes) -> None:
        """A datagram came for this connection, from its address."""
        if self._early is not None:
            if len(self._early) < _EARLY:
                self._early.append(datagram)
            return
        seen, before = self.quic.seen, self.quic.progress
        try:
            self.quic.take(datagram, self.address, self._loop.time())
            is_flood = self._is_flood(self.quic.seen - seen, before)
        except Exception as error:  # noqa: BLE001 - whatever breaks a connection ends it, and it alone
            self._fail(error)
            return
        self._pass_on(is_flood=is_flood)

    def _is_flood(self, packets: int, before: tuple[int, int]) -> bool:
        """Whether too many packets came that bring nobody forward."""
        now = self._loop.time()
        self._quiet.fill((now - self._last) * self._quiet.rate)
        self._last = now
        received, flying = self.quic.progress
        if received > before[0]:
            self._quiet.fill(1)
        elif flying >= before[1]:
            try:
                for _ in range(packets):
                    self._quiet.take("packets that say nothing")
            except Broken as problem:
                self.quic.end(Code.EXCESSIVE_LOAD, str(problem), fault=True)
                return True
        return False

    def _pass_on(self, *, is_flood: bool = False) -> None:
        heard = tuple(self._heard())
        fault = None if self._is_told else self.quic.fault
        self._is_told |= fault is not None
        if (heard or fault is not None or self.quic.is_full) and self.handler is not None and not self._is_closing:
            self.handler.take(Heard(self.handler.client, heard, fault, is_flood))
        self.transmit()
        self._settle()

    def _heard(self) -> list[quic_events.QuicEvent]:
        """What happened, without what concerns this place alone."""
        heard = []
        while (event := self.quic.next_event()) is not None:
            if isinstance(event, quic_events.ConnectionIdIssued):
                self._named(self, event.connection_id, known=True)
            elif isinstance(event, quic_events.ConnectionIdRetired):
                self._named(self, event.connection_id, known=False)
            elif not isinstance(event, quic_events.ConnectionTerminated):
                heard.append(event)
        return heard

    def _settle(self) -> None:
        """Look whether this is the end."""
        if self.quic.is_ending:
            self._over.set()
            self._leave()
        elif self._is_closing and not self.quic.all_unsent:
            self._end()

    def _end(self) -> None:
        if not self.quic.is_ending:
            self.quic.end(Code.NO_ERROR)
            self.transmit()
        self._settle()

    def _leave(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.gone.is_set():
            self.gone.set()
            self._named(self, None, known=False)

    def cut(self) -> None:
        """End the connection at once, and say that it was our fault."""
        self.quic.end(Code.INTERNAL_ERROR)
        self.transmit()
        self._settle()

    def _fail(self, error: BaseException) -> None:
        if self.handler is not None:
            self.handler.fail(error)
        self.cut()

    def transmit(self) -> None:
        """Send what there is to send, and wake when aioquic wants to be woken."""
        if self._early is not None:
            return
        try:
            for datagram, _ in self.quic.datagrams_to_send(now=self._loop.time()):
                self._send(datagram)
        except Exception as error:  # noqa: BLE001 - whatever breaks a connection ends it, and it alone
            if not self.gone.is_set():
                self._leave()
                self._over.set()
                self._fail(error)
            return
        self._arm()

    def _arm(self) -> None:
        due = None if self.gone.is_set() else self.quic.get_timer()
        if self._timer is not None and self._timer.when() != due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None and due is not None:
            self._timer = self._loop.call_at(due, self._ring)

    def _ring(self) -> None:
        self._timer = None
        try:
            self.quic.handle_timer(now=self._loop.time())
        except Exception as error:  # noqa: BLE001 - whatever breaks a connection ends it, and it alone
            self._fail(error)
            return
        self._pass_on()


class QuicHandler(GatewayHandler):
    """Serves one client of HTTP/3."""

    def __init__(self, link: Link, mode: ProxyMode, stage: Stage) -> None:
        both: Any = link
        super().__init__(both, both, mode, stage)
        self._link: Final = link
        link.handler = self

    @override
    def take(self, event: events.Event) -> None:
        super().take(event)
        self._link.transmit()

    @override
    def abort(self) -> None:
        self._link.cut()
        super().abort()

    def fail(self, error: BaseException) -> None:
        """Something below the layers broke."""
        self._broken("http3", error)
