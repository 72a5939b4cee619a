from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from addons.tunnels.relay import Relay, Side, reset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    type Play = Callable[["Stage"], Coroutine[None, None, None]]

PATIENCE = 10


@dataclass
class Stage:
    """A relay with a socket of the test at each of its ends."""

    relay: Relay
    client: socket.socket
    server: socket.socket

    async def say(self, end: socket.socket, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(end, data)

    async def hear(self, end: socket.socket, size: int) -> bytes:
        data = b""
        while len(data) < size and (piece := await asyncio.get_running_loop().sock_recv(end, size - len(data))):
            data += piece
        return data


async def _pair() -> tuple[socket.socket, asyncio.StreamReader, asyncio.StreamWriter]:
    """A socket of the test, and the streams at its other end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    ours.setblocking(False)  # noqa: FBT003 - the name of the standard library
    reader, writer = await asyncio.open_connection(sock=theirs)
    return ours, reader, writer


@asynccontextmanager
async def joined(first: bytes = b"", *, ends: bool = False) -> AsyncIterator[Stage]:
    """A relay within this block; `first`, and its end, had been read from the client before there was one."""
    client, from_client, to_client = await _pair()
    server, from_server, to_server = await _pair()
    if first:
        from_client.feed_data(first)
    if ends:
        client.shutdown(socket.SHUT_WR)
        for _ in range(20):  # the loop looks at its sockets in every round: the end is read, and nobody waits for it
            await asyncio.sleep(0)
    relay = Relay(to_client.transport, to_server.transport)  # type: ignore[arg-type]  # a stream's transport reads too
    relay.go_on(from_client, from_server)
    try:
        yield Stage(relay, client, server)
    finally:
        relay.abort()
        client.close()
        server.close()
        await relay.until_over()


def played(play: Play, first: bytes = b"", *, ends: bool = False) -> None:
    async def inside() -> None:
        async with asyncio.timeout(PATIENCE), joined(first, ends=ends) as stage:
            await play(stage)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(inside())


def test_bytes_go_both_ways_and_are_counted() -> None:
    async def play(stage: Stage) -> None:
        await stage.say(stage.client, b"up we go")
        await stage.say(stage.server, b"down")
        assert await stage.hear(stage.server, 8) == b"up we go"
        assert await stage.hear(stage.client, 4) == b"down"
        assert (stage.relay.up, stage.relay.down) == (8, 4)

    played(play)


def test_what_was_read_before_goes_first_and_is_counted() -> None:
    async def play(stage: Stage) -> None:
        await stage.say(stage.client, b" and then")
        assert await stage.hear(stage.server, 14) == b"first and then"
        assert stage.relay.up == 14

    played(play, b"first")


def test_an_end_that_was_read_before_is_passed_on_behind_what_came_before_it() -> None:
    async def play(stage: Stage) -> None:
        assert await stage.hear(stage.server, 99) == b"last words"
        await stage.say(stage.server, b"heard")
        assert await stage.hear(stage.client, 5) == b"heard"

    played(play, b"last words", ends=True)


@pytest.mark.parametrize("says", ["client", "server"])
def test_one_direction_may_end_long_before_the_other(says: str) -> None:
    async def play(stage: Stage) -> None:
        one, other = (stage.client, stage.server) if says == "client" else (stage.server, stage.client)
        await stage.say(one, b"bye")
        one.shutdown(socket.SHUT_WR)
        assert await stage.hear(other, 99) == b"bye"
        for _ in range(3):
            await stage.say(other, b"still here")
            assert await stage.hear(one, 10) == b"still here"
        other.shutdown(socket.SHUT_WR)
        assert await stage.hear(one, 1) == b""
        await stage.relay.until_over()

    played(play)


@pytest.mark.parametrize("breaks", ["client", "server"])
def test_a_reset_is_passed_on_as_a_reset(breaks: str) -> None:
    async def play(stage: Stage) -> None:
        one, other = (stage.client, stage.server) if breaks == "client" else (stage.server, stage.client)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        one.close()
        await stage.relay.until_over()
        with pytest.raises(ConnectionResetError):
            await stage.hear(other, 1)

    played(play)


def test_aborting_resets_both_sides_and_a_second_time_nothing() -> None:
    async def play(stage: Stage) -> None:
        stage.relay.abort()
        stage.relay.abort()
        for each in (stage.client, stage.server):
            with pytest.raises(ConnectionResetError):
                await stage.hear(each, 1)

    played(play)


def test_nothing_is_read_from_a_sender_whose_listener_takes_nothing() -> None:
    async def play(stage: Stage) -> None:
        sending = asyncio.ensure_future(stage.say(stage.client, bytes(64 * 1024 * 1024)))
        passed = -1
        while passed != stage.relay.up or not passed:
            passed = stage.relay.up
            await asyncio.sleep(0.05)
        assert not sending.done()
        left = 64 * 1024 * 1024
        while left:
            left -= len(await stage.hear(stage.server, min(left, 1024 * 1024)))
        await sending
        assert stage.relay.up == 64 * 1024 * 1024

    played(play)


class Recorded(asyncio.Transport):
    """A transport that only remembers what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def pause_reading(self) -> None:
        self.told.append("pause")

    def resume_reading(self) -> None:
        self.told.append("resume")

    def write_eof(self) -> None:
        self.told.append("end")

    def abort(self) -> None:
        self.told.append("abort")

    def close(self) -> None:
        self.told.append("close")


def sides() -> tuple[Side, Recorded, Side, Recorded]:
    left, right = Recorded(), Recorded()
    one, two = Side(left, lambda: None), Side(right, lambda: None)
    one.other, two.other = two, one
    return one, left, two, right


def test_a_side_that_has_said_all_is_never_read_again() -> None:
    one, left, two, right = sides()

    two.pause_writing()
    two.resume_writing()
    assert one.eof_received() is True
    two.pause_writing()
    two.resume_writing()

    assert (left.told, right.told) == (["pause", "resume"], ["end"])


def test_a_side_that_can_be_told_of_no_end_is_reset() -> None:
    class Dead(Recorded):
        def write_eof(self) -> None:
            raise OSError

    left, right = Recorded(), Dead()
    one, two = Side(left, lambda: None), Side(right, lambda: None)
    one.other, two.other = two, one

    assert one.eof_received() is True
    assert right.told == ["abort"]


def test_only_what_broke_is_passed_on_as_broken() -> None:
    one, left, two, right = sides()
    one.connection_lost(None)
    assert right.told == []

    one, left, two, right = sides()
    one.connection_lost(ConnectionResetError())
    two.connection_lost(None)
    assert (left.told, right.told) == ([], ["abort"])


def test_a_socket_that_is_gone_needs_no_reset() -> None:
    gone = Recorded()

    reset(gone)

    assert gone.told == ["abort"]
