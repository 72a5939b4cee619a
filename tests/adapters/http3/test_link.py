from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aioquic.quic.configuration import QuicConfiguration

from addons.http3.link import Link
from addons.http3.quic import GatewayQuic, Windows, configuration
from tests.adapters.http3.pairs import HERE, THERE, shown
from tests.e2e.h3wire import Quic

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Bench:
    """A link without a handler, and a client at the other end; to be made where a loop runs."""

    def __init__(self) -> None:
        own = QuicConfiguration(is_client=True, alpn_protocols=["h3"], verify_mode=0)
        self.client = Quic(configuration=own)
        self.now = 0.0
        self.client.connect(HERE, now=self.now)
        original = self.client.original_destination_connection_id
        quic = GatewayQuic(configuration(60.0, Windows()), Windows(), original=original, retried=None)
        self.sent: list[bytes] = []
        self.names: list[tuple[bytes | None, bool]] = []
        self.link = Link(quic, THERE, HERE, self.sent.append, self._named)

    def _named(self, _link: Link, cid: bytes | None, *, known: bool) -> None:
        self.names.append((cid, known))

    def talk(self) -> None:
        for _ in range(12):
            self.now += 0.05
            for datagram, _ in self.client.datagrams_to_send(now=self.now):
                self.link.receive(datagram)
            if vars(self.link.quic)["_held"] is not None and not self.link.quic.tls.key_schedule:
                self.link.quic.go_on(shown())
                self.link.transmit()
            sent, self.sent[:] = tuple(self.sent), []
            for each in sent:
                self.client.receive_datagram(each, HERE, now=self.now)


def _run(test: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 10))


def test_what_comes_before_the_gate_has_spoken_waits_and_is_bounded() -> None:
    async def test() -> None:
        bench = Bench()
        [(first, _)] = bench.client.datagrams_to_send(now=0.0)
        for _ in range(100):
            bench.link.receive(first)
        assert (bench.sent, bench.link.quic.seen) == ([], 0)
        reading = asyncio.create_task(bench.link.read())
        await asyncio.sleep(0)
        assert bench.link.quic.seen == 16
        bench.link.cut()
        assert await reading == b""

    _run(test())


def test_an_end_tells_the_client_and_forgets_its_names() -> None:
    async def test() -> None:
        bench = Bench()
        reading = asyncio.create_task(bench.link.read())
        await asyncio.sleep(0)
        bench.talk()
        assert any(known for _, known in bench.names)
        bench.link.close()
        assert await reading == b""
        assert bench.link.gone.is_set()
        assert bench.names[-1] == (None, False)
        bench.talk()
        assert vars(bench.client)["_close_event"].error_code == 0x100

    _run(test())


def test_an_end_waits_until_what_was_said_is_acknowledged() -> None:
    async def test() -> None:
        bench = Bench()
        reading = asyncio.create_task(bench.link.read())
        await asyncio.sleep(0)
        bench.talk()
        bench.link.quic.send_stream_data(3, b"something")
        bench.link.close()
        assert await reading == b""
        assert not bench.link.gone.is_set()
        bench.link.transmit()
        bench.talk()
        assert bench.link.gone.is_set()

    _run(test())


def test_a_link_says_who_is_at_its_ends() -> None:
    async def test() -> None:
        link = Bench().link
        wanted = ("udp", THERE, HERE, 7)
        names = ("transport_protocol", "peername", "sockname")
        assert (*(link.get_extra_info(name) for name in names), link.get_extra_info("other", 7)) == wanted
        link.cut()

    _run(test())
