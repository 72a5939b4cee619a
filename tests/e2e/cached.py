"""A gateway with a cache in front of an origin that counts, and answers as a test says."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.config.settings import CacheSettings, DiskSettings, RouteSettings
from gateway.upstreams.pools.rules import PoolRules
from tests.e2e.gateways import Running, Scenery, serving
from tests.e2e.origin import Origin, Visit, origin, read_request
from tests.e2e.wire import Answer, connect

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOST: Final = "shop.example"
KEPT: Final = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nkept"
SMALL: Final = 64 * 1024
"""The largest answer that the cache of a test keeps."""

type Answering = Callable[[bytes], bytes]
"""From the bytes of a request to those of its answer; nothing ends the connection."""


@dataclass(slots=True)
class Shop:
    """A gateway with a cache and the origin behind it. `requests` are those that reached the origin."""

    gateway: Running
    origin: Origin
    answering: Answering = lambda _request: KEPT
    requests: list[bytes] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, connection: socket.socket, visit: Visit) -> None:
        """One connection to the origin."""
        while request := read_request(connection, visit):
            with self._lock:
                self.requests.append(request)
            answer = self.answering(request)
            if not answer:
                return
            connection.sendall(answer)

    def ask(self, path: str = "/", *fields: str, method: str = "GET", host: str = HOST) -> Answer:
        """One request on a connection of its own."""
        lines = (f"{method} {path} HTTP/1.1", f"Host: {host}", *fields, "Connection: close", "", "")
        with connect(self.gateway.reverse) as wire:
            return wire.ask("\r\n".join(lines).encode("latin-1"))

    def asks(self, path: str = "/", *fields: str, times: int = 2) -> list[Answer]:
        """The same request, again and again."""
        return [self.ask(path, *fields) for _ in range(times)]


@contextmanager
def shop(
    folder: Path,
    answering: Answering | None = None,
    *,
    policy: str = "",
    size: int = 16 * SMALL,
    disk: int = 0,
    rules: PoolRules | None = None,
) -> Iterator[Shop]:
    """Serve within this block; with so many bytes of `disk`, if there are any."""
    stored = DiskSettings(size=disk) if disk else None
    routes = (RouteSettings(upstream="app", cache=CacheSettings(size=size, largest=SMALL, disk=stored)),)
    with (
        origin() as behind,
        serving(
            Scenery(folder=folder, origin=behind.port, policy=policy, routes=routes, rules=rules or PoolRules())
        ) as gateway,
    ):
        open_shop = Shop(gateway, behind)
        if answering is not None:
            open_shop.answering = answering
        behind.serve = open_shop.serve
        yield open_shop
