from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from mitmproxy.connection import Client, ConnectionState, Server
from mitmproxy.proxy import events
from mitmproxy.proxy.server import ConnectionIO

from addons.connections.pacing import FULL, Measure, Pacing, Share, WhenDraining, WhenRoomy
from addons.connections.phases import Hold

if TYPE_CHECKING:
    from mitmproxy.connection import Connection
    from mitmproxy.proxy.commands import Command


class _Bench:
    writer: asyncio.StreamWriter

    def __init__(self) -> None:
        self.client = Client(peername=("192.0.2.1", 5), sockname=("192.0.2.2", 6), state=ConnectionState.OPEN)
        self.server = Server(address=("site.example", 443))
        self.transports: dict[Connection, ConnectionIO] = {}
        self.taken: list[events.Event] = []
        self.rang = asyncio.Event()
        self.pacing = Pacing(self.client, self.transports, self.take)

    def take(self, event: events.Event) -> None:
        self.taken.append(event)
        self.rang.set()

    def do(self, command: Command) -> None:
        self.pacing.acts()[type(command)](command)

    async def connect(self, connection: Connection) -> socket.socket:
        """A socket whose other end reads nothing."""
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        self.transports[connection] = ConnectionIO(asyncio.current_task(), reader, writer)
        self.writer = writer
        return theirs


def test_a_connection_is_shared_once_somebody_says_so() -> None:
    bench = _Bench()
    before = bench.pacing.is_shared
    bench.do(Share())

    assert (before, bench.pacing.is_shared) == (False, True)


def test_a_connection_is_read_on_when_the_last_hold_is_gone() -> None:
    async def play() -> list[bool]:
        bench = _Bench()
        with await bench.connect(bench.server):
            for _ in range(2):
                bench.do(Hold(held=True, connection=bench.server))
            waiting = asyncio.create_task(bench.pacing.wait(asyncio.current_task()))
            seen = []
            for _ in range(2):
                await asyncio.sleep(0)
                bench.do(Hold(held=False, connection=bench.server))
                await asyncio.sleep(0)
                seen.append(bench.pacing.holds)
            await waiting
            bench.writer.close()
            return seen

    assert asyncio.run(play()) == [True, False]


def test_a_full_socket_is_measured_and_told_of_when_it_has_room() -> None:
    async def play() -> tuple[bool, bool, list[events.Event]]:
        bench = _Bench()
        theirs = await bench.connect(bench.server)
        theirs.settimeout(0)
        empty, full, roomy = Measure(bench.server), Measure(bench.server), WhenRoomy(bench.server)
        bench.do(empty)
        bench.writer.write(bytes(20 * FULL))
        bench.do(full)
        bench.do(roomy)
        loop = asyncio.get_running_loop()
        while not bench.taken:
            await loop.sock_recv(theirs, 65536)
        bench.writer.transport.abort()
        theirs.close()
        assert isinstance(bench.taken[0], events.Wakeup)
        assert bench.taken[0].command is roomy
        return empty.is_full, full.is_full, bench.taken

    empty, full, taken = asyncio.run(play())
    assert (empty, full, len(taken)) == (False, True, 1)


def test_a_connection_is_waited_for_while_its_reader_is_read_and_has_nothing() -> None:
    async def play() -> list[bool]:
        bench = _Bench()
        before = bench.pacing.awaits(bench.server)
        theirs = await bench.connect(bench.server)
        reader = bench.transports[bench.server].reader
        assert isinstance(reader, asyncio.StreamReader)
        seen = [before, bench.pacing.awaits(bench.server)]
        reading = asyncio.create_task(reader.read(10))
        await asyncio.sleep(0)
        seen.append(bench.pacing.awaits(bench.server))
        theirs.send(b"x")
        await reading
        seen.append(bench.pacing.awaits(bench.server))
        bench.writer.close()
        theirs.close()
        return seen

    assert asyncio.run(play()) == [False, False, True, False]


def test_what_waits_to_be_written_is_counted_and_of_nobody_nothing_waits() -> None:
    async def play() -> list[int]:
        bench = _Bench()
        seen = [bench.pacing.unsent(bench.client)]
        with await bench.connect(bench.client):
            seen.append(bench.pacing.unsent(bench.client))
            bench.writer.write(bytes(100 * FULL))
            seen.append(bench.pacing.unsent(bench.client))
            bench.writer.transport.abort()
        return seen

    none, idle, full = asyncio.run(play())
    assert (none, idle) == (0, 0)
    assert full > FULL


def test_who_asked_hears_once_that_the_gateway_ends() -> None:
    bench = _Bench()
    asked = WhenDraining()
    bench.do(asked)
    bench.pacing.leave()
    bench.pacing.leave()

    assert [each.command for each in bench.taken if isinstance(each, events.Wakeup)] == [asked]
