"""A client of aioquic and our side of a connection, joined without a network."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import StreamDataReceived

from addons.http3.quic import GatewayQuic, HelloHeard, Windows, configuration
from gateway.authority.shown import Shown
from tests.e2e.certificates import Wish, authority
from tests.e2e.h3wire import Quic

if TYPE_CHECKING:
    from aioquic.quic.events import QuicEvent

    from gateway.authority.signers import SigningKey

HERE, THERE = ("127.0.0.1", 4433), ("127.0.0.2", 50000)


def shown() -> Shown:
    """A certificate for `shop.example`."""
    certified = authority().signs(Wish(names=("shop.example",)))
    key: SigningKey = certified.key
    return Shown(certified.certificate, (), key, frozenset({"shop.example"}))


@dataclass
class Pair:
    """Both sides; time goes on when packets do. `heard` is what our side told."""

    windows: Windows = field(default_factory=Windows)
    now: float = 0.0
    keeps: bool = False
    """Whether what comes is not passed on."""
    heard: list[QuicEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        own = QuicConfiguration(is_client=True, alpn_protocols=["h3"], verify_mode=ssl.CERT_NONE)
        own.server_name = "shop.example"
        self.client = Quic(configuration=own)
        self.client.connect(HERE, now=self.now)
        original = self.client.original_destination_connection_id
        # Without a Retry there is no second id; aioquic wants one only where there was one.
        self.ours = GatewayQuic(configuration(60.0, self.windows), self.windows, original=original, retried=None)

    def talk(self, rounds: int = 12) -> None:
        """Let both say what they have to say."""
        for _ in range(rounds):
            self.now += 0.05
            for datagram, _ in self.client.datagrams_to_send(now=self.now):
                self.ours.take(datagram, THERE, self.now)
            while (event := self.ours.next_event()) is not None:
                self.heard.append(event)
                if self.keeps and isinstance(event, StreamDataReceived):
                    self.ours.owed[event.stream_id] = self.ours.owed.get(event.stream_id, 0) + len(event.data)
                if isinstance(event, HelloHeard) and not self.ours.is_ending:
                    self.answer()
            for datagram, _ in self.ours.datagrams_to_send(now=self.now):
                self.client.receive_datagram(datagram, HERE, now=self.now)

    def answer(self) -> None:
        """What is done about a hello."""
        self.ours.go_on(shown())


def shaken(windows: Windows | None = None) -> Pair:
    """Two that have shaken hands."""
    pair = Pair(windows or Windows())
    pair.talk()
    pair.heard.clear()
    return pair
