"""One question over UDP: a socket of its own, and whatever is not the answer is ignored while it is waited for.

Every question leaves from a port that the system picks at random, to a connected socket, so that nothing from anywhere
else is even received. Together with the id that is what somebody has to guess who wants to answer in the server's
place; after a few wrong guesses the question is asked over TCP instead, where guessing is of no use.

Source: RFC 5452 (forged answers), RFC 1035 section 4.2.1 and RFC 7766 section 5 (an answer that is cut).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, override

from gateway.upstreams.lookup import LookupFailed
from gateway.upstreams.nameservers.messages import NoAnswer, Reply, is_cut, read

if TYPE_CHECKING:
    from dns.message import QueryMessage

    from gateway.upstreams.nameservers.servers import NameServer

GUESSES: Final = 8
"""Datagrams that are no answer, after which somebody is taken to be guessing."""


class AskOverTcp(Exception):  # noqa: N818 - it says what to do
    """The answer does not fit into a datagram, or somebody else is sending answers."""


class _Waiting(asyncio.DatagramProtocol):
    def __init__(self, asked: QueryMessage) -> None:
        self._asked: Final = asked
        self._wrong = 0
        self.reply: Final[asyncio.Future[Reply]] = asyncio.get_running_loop().create_future()

    @override
    def datagram_received(self, data: bytes, addr: object) -> None:
        if self.reply.done():
            return
        if is_cut(self._asked, data):
            self.reply.set_exception(AskOverTcp())
            return
        try:
            self.reply.set_result(read(self._asked, data))
        except LookupFailed as error:
            self.reply.set_exception(error)
        except NoAnswer as error:
            self._wrong += 1
            if error.final:
                self.reply.set_exception(error)
            elif self._wrong >= GUESSES:
                self.reply.set_exception(AskOverTcp())

    @override
    def error_received(self, exc: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(exc)


async def ask(server: NameServer, asked: QueryMessage) -> Reply:
    """The server's reply. Waits for ever, so the caller has a deadline.

    Raises OSError, NoAnswer, LookupFailed, or AskOverTcp.
    """
    transport, waiting = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Waiting(asked), remote_addr=(str(server.address), server.port)
    )
    try:
        transport.sendto(asked.to_wire())
        return await waiting.reply
    finally:
        transport.abort()
        if waiting.reply.done() and not waiting.reply.cancelled():
            waiting.reply.exception()
