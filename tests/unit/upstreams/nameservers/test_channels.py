"""DNS over TCP, byte by byte: the other end is a socket of the test."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.upstreams.nameservers.channels import CLOSED, Stream
from gateway.upstreams.nameservers.messages import LARGEST, NoAnswer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    type Server = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

QUESTION = b"\x12\x34" + bytes(10) + b"question"


async def read_question(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(2)))


def asking(server: Server, *questions: bytes) -> list[bytes | NoAnswer]:
    """What comes back for questions that are all asked at once on one connection."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await server(reader, writer)
        finally:
            writer.close()

    async def scenario() -> list[bytes | NoAnswer]:
        listening = await asyncio.start_server(served, "127.0.0.1", 0)
        _, stream = await asyncio.get_running_loop().create_connection(Stream, *listening.sockets[0].getsockname()[:2])
        try:
            async with asyncio.timeout(5):
                outcomes = await asyncio.gather(*(stream.ask(each) for each in questions), return_exceptions=True)
        finally:
            stream.fail("over")
            listening.close()
        return [each for each in outcomes if isinstance(each, bytes | NoAnswer)]

    return asyncio.run(scenario())


def test_answers_find_their_questions_in_whatever_order_and_pieces_they_come() -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        messages = [await read_question(reader) for _ in range(3)]
        assert len({message[:2] for message in messages}) == 3
        stranger = bytes([messages[0][0] ^ 1]) + messages[0][1:]
        answers = [each + b"!" for each in reversed(messages)]
        for byte in b"".join(len(each).to_bytes(2) + each for each in (stranger, *answers)):
            writer.write(bytes([byte]))
            await writer.drain()
        await reader.read()

    wanted: list[bytes | NoAnswer] = [QUESTION + str(number).encode() + b"!" for number in range(3)]
    assert asking(server, *(QUESTION + str(number).encode() for number in range(3))) == wanted


@pytest.mark.parametrize(
    ("why", "sent"),
    [
        ("the name server's answer is too large", (LARGEST + 1).to_bytes(2)),
        ("the answer is no message", b"\x00\x05hello"),
        (CLOSED, b"\x00\xff\x12\x34 and no more"),
        (CLOSED, b""),
    ],
)
def test_a_connection_that_says_anything_else_is_not_believed_any_more(why: str, sent: bytes) -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_question(reader)
        writer.write(sent)
        await writer.drain()

    assert [str(each) for each in asking(server, QUESTION, QUESTION)] == [why, why]


def test_nothing_is_asked_on_a_closed_connection() -> None:
    async def scenario() -> None:
        stream = Stream()
        stream.fail("over")
        with pytest.raises(NoAnswer, match="over"):
            await stream.ask(QUESTION)

    asyncio.run(scenario())
