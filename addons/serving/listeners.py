"""The sockets that clients connect to: opened all or none, bounded, and closed in peace.

Sockets are made here and not by mitmproxy so that a connection can be turned away before anything is built for it,
and so that every reason why a start cannot succeed is told at once.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import batched, pairwise
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakSet

from gateway.policy.addresses import Address

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from mitmproxy.connection import Client

    from gateway.config.settings import LimitSettings, ListenerSettings
    from gateway.control.store import PolicyStore
    from gateway.policy.model import Mode
    from gateway.upstreams.parents import ParentTable
    from gateway.upstreams.routes import RouteTable

_log: Final = logging.getLogger(__name__)
_SETTLE: Final = 2.0
_BURST: Final = 4 * 1024 * 1024
_AT_ONCE: Final = 100
"""Connections that are swept in one turn of the event loop: less than a millisecond of work."""


@dataclass(slots=True)
class Listener:
    """One listening address: its settings, its policy and, in reverse mode, its routes, in forward mode its parents.

    `routes` are replaced as a whole when the configuration is read again.
    """

    settings: ListenerSettings
    store: PolicyStore
    routes: RouteTable | None
    parents: ParentTable

    @property
    def name(self) -> str:
        """Its name in records and errors."""
        return self.settings.name

    @property
    def mode(self) -> Mode:
        """Which way it faces."""
        return self.settings.mode


def open_socket(address: Address, port: int, *, shared: bool = False) -> socket.socket:
    """A bound socket. The protocol is named: asyncio switches Nagle's algorithm off for sockets that say TCP only.

    A `shared` address can be bound again by processes of the same user, and connections are spread over all of them.
    """
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - the version of the protocol
    opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((str(address), port))
    except OSError:
        opened.close()
        raise
    return opened


def open_datagrams(address: Address, port: int, *, shared: bool = False) -> socket.socket:
    """A bound socket for datagrams, with room for bursts of them; `shared` as with `open_socket`."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - the version of the protocol
    opened = socket.socket(family, socket.SOCK_DGRAM, socket.IPPROTO_UDP)
    try:
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BURST)
        opened.settimeout(0.0)
        opened.bind((str(address), port))
    except OSError:
        opened.close()
        raise
    return opened


def cannot_listen(listener: ListenerSettings, error: OSError) -> str:
    """Why an address cannot be listened on, and the way out."""
    where = f"listener `{listener.name}`: {listener.endpoint}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is taken by another process, choose another with `--listen`"
    if error.errno == errno.EACCES:
        return f"{where} needs a privilege that this user lacks, choose a port above 1023 with `--listen`"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where} is no address of this machine, choose another with `--listen`"
    return f"{where} cannot be listened on: {(error.strerror or str(error)).lower()}"


def own_addresses(bind: tuple[Address, int]) -> frozenset[tuple[Address, int]]:
    """Where a listener can be reached: its address, or every address of this machine if it listens on all."""
    address, port = bind
    if address.value:
        return frozenset({(address, port)})
    return frozenset((each, port) for each in _local_addresses())


def _local_addresses() -> set[Address]:
    """The machine's own addresses, as the kernel lists them; what is not listed is not ours (Linux)."""
    found = {Address.parse("127.0.0.1"), Address.parse("::1")}
    with suppress(OSError):
        lines = Path("/proc/net/fib_trie").read_text(encoding="ascii").splitlines()
        found |= {Address.parse(line.split()[-1]) for line, below in pairwise(lines) if "/32 host LOCAL" in below}
    with suppress(OSError):
        for line in Path("/proc/net/if_inet6").read_text(encoding="ascii").splitlines():
            found.add(Address(6, int(line.split()[0], 16)))
    return found


class Room(Protocol):
    """Whether there is room for one more connection."""

    def enter(self, client: Address | None) -> bool:
        """Whether there is room for one more of this client; counts it if so."""

    def leave(self, client: Address | None) -> None:
        """One of this client's connections is over."""


@dataclass(slots=True)
class Crowd:
    """How many connections there are, in all and by client; /64 networks count as one client.

    A client that is not known yet counts in all.
    """

    limits: LimitSettings
    _by_client: Counter[object] = field(default_factory=Counter)

    def enter(self, client: Address | None) -> bool:
        """Whether there is room for one more of this client; counts it if so."""
        if self._by_client.total() >= self.limits.connections:
            return False
        bucket = None if client is None else client.bucket
        if client is not None and self._by_client[bucket] >= self.limits.connections_per_client:
            return False
        self._by_client[bucket] += 1
        return True

    def leave(self, client: Address | None) -> None:
        """One of this client's connections is over."""
        bucket = None if client is None else client.bucket
        self._by_client[bucket] -= 1
        if self._by_client[bucket] <= 0:
            del self._by_client[bucket]


class Closable(Protocol):
    """Where connections are accepted."""

    def close(self) -> None:
        """Accept no more."""


class Serving(Protocol):
    """Serves one client: a handler, or the tunnel that it became."""

    @property
    def client(self) -> Client:
        """Who is served."""

    def is_overdue(self, now: float) -> bool:
        """Whether what it does has lasted, or was silent, for too long."""

    def give_up(self) -> None:
        """End what is overdue."""

    def drain(self) -> None:
        """Begin nothing new."""

    def abort(self) -> None:
        """End at once."""


@dataclass(slots=True)
class Served:
    """Those who are at work, and how to end them. `clock` is monotonic, in seconds; every sweep does the `chores`.

    `servers` are those that they came by, as long as anybody has a connection of theirs. `cut_off` hears of clients
    whose connections are ended because the gateway is.
    """

    clock: Callable[[], float] = monotonic
    chores: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    servers: WeakSet[asyncio.Server] = field(default_factory=WeakSet)
    cut_off: Callable[[str], None] = lambda _client_id: None
    _handlers: dict[str, Serving] = field(default_factory=dict)
    _is_draining: bool = False
    _all_gone: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, handler: Serving) -> None:
        """A connection is served; a second time, by somebody else."""
        self._handlers[handler.client.id] = handler
        self._all_gone.clear()
        if self._is_draining:
            handler.drain()

    def remove(self, client: Client) -> None:
        """A connection is over."""
        self._handlers.pop(client.id, None)
        if not self._handlers:
            self._all_gone.set()

    def end(self, client_id: str) -> None:
        """End one connection at once, if it is still served."""
        if handler := self._handlers.get(client_id):
            handler.abort()

    def __len__(self) -> int:
        return len(self._handlers)

    def __iter__(self) -> Iterator[Serving]:
        return iter(tuple(self._handlers.values()))

    def sweep(self) -> None:
        """Give up every connection whose phase has lasted, or was silent, for too long."""
        self._sweep(tuple(self))

    def _sweep(self, handlers: tuple[Serving, ...]) -> None:
        now = self.clock()
        for handler in handlers:
            if handler.is_overdue(now):
                handler.give_up()

    async def _sweep_in_turns(self) -> None:
        """Sweep, and let everybody else have their turns in between: there may be thousands of connections."""
        for some in batched(self, _AT_ONCE, strict=False):
            self._sweep(some)
            await asyncio.sleep(0)

    async def sweep_for_ever(self, interval: float = 1.0) -> None:
        """Sweep again and again; deadlines are kept to within `interval`, in seconds."""
        while True:
            await asyncio.sleep(interval)
            await self._sweep_in_turns()
            for chore in self.chores:
                try:
                    await chore()
                except Exception:  # noqa: BLE001 - deadlines are kept, whatever else fails
                    _log.exception("a chore failed, and is tried again at the next sweep")

    async def drain(self, seconds: float) -> None:
        """End idle connections at once, busy ones when they are done, all of them after `seconds`."""
        self._is_draining = True
        for handler in self:
            handler.drain()
        await self._until_all_are_gone(seconds)
        self.forsake()
        for handler in self:
            handler.abort()
        await self._until_all_are_gone(_SETTLE)
        for server in self.servers:
            server.abort_clients()  # left open, asyncio would complain of each on the standard error stream

    def forsake(self) -> None:
        """Have it on record of all that is still under way that the gateway did not wait for it."""
        for handler in self:
            self.cut_off(handler.client.id)

    async def _until_all_are_gone(self, seconds: float) -> None:
        if self._handlers:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._all_gone.wait()
