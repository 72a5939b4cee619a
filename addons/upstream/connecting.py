"""Sockets to upstreams: several judged addresses are tried, and the first that answers is the connection.

The addresses of both families take turns, and where one has not answered within a quarter of a second the next is
tried beside it (Happy Eyeballs, RFC 8305 sections 4 and 5); one that refuses makes room for the next at once. Whatever
else got through is closed. Which addresses there are was judged before: nothing here knows a name.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections import OrderedDict, deque
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Final

from gateway.policy.model import Decision, Reason, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.policy.addresses import Address

type Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

DELAY: Final = 0.25
"""Seconds after which the next address is tried beside one that has not answered (RFC 8305 section 5)."""
ASIDE: Final = 60.0
"""Seconds for which an address that could not be reached is tried after the others."""
MOST: Final = 16
"""Addresses that are tried for one connection: a name with many is no way to have the gateway scan them."""
_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
_NO_ROUTE: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
_OWN_TROUBLE: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_DISCARD: Final = 9
_V6: Final = 6
_WORDS: Final = {
    errno.ECONNREFUSED: "Nobody listens at the destination.",
    errno.ENETUNREACH: "This machine has no route to the destination.",
    errno.EAFNOSUPPORT: "This machine does not speak the destination's kind of address.",
    errno.EADDRNOTAVAIL: "This machine has no address or port left to reach the destination from.",
    errno.EHOSTUNREACH: "The destination's machine does not answer.",
    errno.EPERM: "A firewall of this machine closes the way to the destination.",
    errno.EACCES: "A firewall of this machine closes the way to the destination.",
}


class NotConnected(OSError):  # noqa: N818 - it says what came of the attempts
    """No address could be reached. `decision` is how an exchange ends that needed one, with the reason in words."""

    def __init__(self, problems: Sequence[OSError]) -> None:
        super().__init__(problems[-1].errno if problems else None, "no address could be reached")
        self.decision: Final = _told(problems)


def _told(problems: Sequence[OSError]) -> Decision:
    codes = [problem.errno for problem in problems]
    if any(code in _OWN_TROUBLE for code in codes):
        return refuse(Reason.CAPACITY, "The gateway has too many connections open.")
    if codes and all(code == errno.ETIMEDOUT for code in codes):
        return refuse(Reason.UPSTREAM_TIMEOUT)
    words = dict.fromkeys(_WORDS.get(code or 0, "The destination cannot be reached.") for code in codes)
    return refuse(Reason.UPSTREAM_REFUSED, " ".join(words))


def has_way_to(address: Address) -> bool:
    """Whether the machine has a route to `address`: connecting a datagram socket asks the table and sends nothing."""
    try:
        with socket.socket(_FAMILIES[address.version], socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), _DISCARD))
    except OSError as error:
        return error.errno not in _NO_ROUTE
    return True


class Ways:
    """In which order addresses are tried, after what happened on the way to them.

    `has_way` tells whether the machine has a route to an address; `clock` is monotonic, in seconds; `most` addresses
    are remembered.
    """

    def __init__(
        self,
        has_way: Callable[[Address], bool] = has_way_to,
        clock: Callable[[], float] = time.monotonic,
        most: int = 10_000,
    ) -> None:
        self._has_way: Final = has_way
        self._clock: Final = clock
        self._most: Final = most
        self._failed: Final[OrderedDict[Address, float]] = OrderedDict()

    def order(self, addresses: tuple[Address, ...], turn: int = 0) -> tuple[Address, ...]:
        """All of them, both families in turns; those that failed a short time ago, or have no route, come last.

        The family of the first address begins: the system puts first what suits the machine (RFC 6724), name servers
        of one's own IPv6. `turn` says which of each family goes first, so that several requests use several servers.
        """
        if len(addresses) == 1:
            return addresses
        versions = (6, 4) if addresses[0].version == _V6 else (4, 6)
        families = [_turned([each for each in addresses if each.version == version], turn) for version in versions]
        pairs = chain.from_iterable(zip_longest(*families))
        mixed = [address for address in pairs if address is not None]
        lost = {each[0].version for each in families if each and not self._has_way(each[0])} if all(families) else set()
        now = self._clock()
        mixed.sort(key=lambda each: (each.version in lost, self._failed.get(each, now) > now))
        return tuple(mixed)

    def failed(self, address: Address) -> None:
        """An address could not be reached."""
        self._failed[address] = self._clock() + ASIDE
        self._failed.move_to_end(address)
        while len(self._failed) > self._most:
            self._failed.popitem(last=False)

    def reached(self, address: Address) -> None:
        """An address could be reached."""
        self._failed.pop(address, None)


def _turned(addresses: list[Address], turn: int) -> list[Address]:
    start = turn % len(addresses) if addresses else 0
    return addresses[start:] + addresses[:start]


async def connect(addresses: Sequence[Address], port: int, ways: Ways, delay: float = DELAY) -> Streams:
    """A connection to one of `addresses`, tried in this order. The caller brings the deadline. Raises NotConnected."""
    opened = await (_only(addresses[0], port, ways) if len(addresses) == 1 else _first(addresses, port, ways, delay))
    try:
        return await asyncio.open_connection(sock=opened)
    except BaseException:
        opened.close()
        raise


async def _only(address: Address, port: int, ways: Ways) -> socket.socket:
    """The same for one address alone: nothing is tried beside it, so that it needs no task. Measured: 60 us less."""
    try:
        opened = await _attempt(address, port)
    except OSError as problem:
        if problem.errno not in _OWN_TROUBLE:
            ways.failed(address)
        raise NotConnected([problem]) from None
    except asyncio.CancelledError:
        ways.failed(address)
        raise
    ways.reached(address)
    return opened


async def _first(addresses: Sequence[Address], port: int, ways: Ways, delay: float) -> socket.socket:
    left, problems = deque(addresses[:MOST]), list[OSError]()
    running: dict[asyncio.Task[socket.socket], Address] = {}
    try:
        while left or running:
            if left:
                address = left.popleft()
                running[asyncio.create_task(_attempt(address, port))] = address
            await asyncio.wait(running, timeout=delay if left else None, return_when=asyncio.FIRST_COMPLETED)
            for task in [each for each in running if each.done()]:
                problem = task.exception()
                if problem is None:
                    return _won(task, running, ways)
                if not isinstance(problem, OSError):
                    raise problem
                address = running.pop(task)
                problems.append(problem)
                if problem.errno in _OWN_TROUBLE:
                    left.clear()
                else:
                    ways.failed(address)
        raise NotConnected(problems)
    except asyncio.CancelledError:
        for address in running.values():
            ways.failed(address)
        raise
    finally:
        for task in running:
            task.add_done_callback(_close)
            task.cancel()


def _won(
    winner: asyncio.Task[socket.socket], running: dict[asyncio.Task[socket.socket], Address], ways: Ways
) -> socket.socket:
    """The connection; what was begun before it and is still under way comes later the next time."""
    before = list(running).index(winner)
    for address in list(running.values())[:before]:
        ways.failed(address)
    ways.reached(running.pop(winner))
    return winner.result()


async def _attempt(address: Address, port: int) -> socket.socket:
    """A connected socket. It says that it speaks TCP: only then does asyncio switch Nagle's algorithm off."""
    opened = socket.socket(_FAMILIES[address.version], socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        opened.setblocking(False)  # noqa: FBT003 - the socket's own signature
        await asyncio.get_running_loop().sock_connect(opened, (str(address), port))
    except BaseException:
        opened.close()
        raise
    return opened


def _close(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()
