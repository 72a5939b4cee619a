"""A reverse gateway in front of several servers, each of which can be made to fail, and what became of requests."""

from __future__ import annotations

import socket
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from addons.serving.composition import compose
from gateway.config.endpoints import parse_server
from gateway.config.settings import UpstreamSettings
from gateway.upstreams.pools.rules import PoolRules
from tests.e2e.commands import until
from tests.e2e.gateways import Running, Scenery, served
from tests.e2e.origin import Origin, origin
from tests.e2e.wire import Answer, connect, get

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from addons.connections.bounds import Bounds
    from gateway.config.settings import ServerTlsSettings

HOST: Final = "shop.example"


@dataclass
class Pooled:
    """A gateway and the `origins` behind it; each answers with its number in `X-Origin`."""

    gateway: Running
    origins: tuple[Origin, ...]

    def ask(self, path: str = "/", *fields: str, method: str = "GET", body: bytes = b"") -> Answer:
        """One request on a connection of its own."""
        with connect(self.gateway.reverse) as wire:
            return wire.ask(get(path, HOST, *fields, method=method, body=body))

    def asked(self, times: int, *fields: str) -> list[str | None]:
        """Who answered each of so many requests, one after the other on one connection."""
        with connect(self.gateway.reverse) as wire:
            return [wire.ask(get("/", HOST, *fields)).get("x-origin") for _ in range(times)]

    def verdict(self) -> tuple[int, str]:
        """Status and reason of a refused request."""
        status, reason, _ = self.ask().verdict
        return status, reason

    def standings(self) -> list[str]:
        """How the servers stand, in the order of the configuration."""

        def look() -> list[str]:
            (fleet,) = self.gateway.engine.pools
            return [standing.value for standing in fleet.pool.standings().values()]

        return self.gateway.call(look)

    def until_they_stand(self, *wanted: str) -> None:
        """Wait until the servers stand like this."""
        until(lambda: self.standings() == list(wanted), f"the servers never were {wanted}")

    def in_flight(self) -> list[int]:
        """How many requests each server has."""

        def look() -> list[int]:
            (fleet,) = self.gateway.engine.pools
            return [each.in_flight for each in fleet.pool.members]

        return self.gateway.call(look)

    def renew(self, *origins: Origin, rules: PoolRules | None = None) -> None:
        """Let these be the servers from now on."""
        settings = upstream([each.port for each in origins], rules or PoolRules())
        self.gateway.call(lambda: self.gateway.engine.pools.renew({"app": settings}))

    def ends(self) -> list[dict[str, Any]]:
        """The closing records of all exchanges so far."""
        return [each for each in self.gateway.records() if each["event"] == "end"]


def answering(number: int, status: str = "200 OK") -> bytes:
    """What the origin of this number answers."""
    return f"HTTP/1.1 {status}\r\nContent-Length: 5\r\nX-Origin: {number}\r\n\r\nhello".encode()


def upstream(ports: Sequence[int], rules: PoolRules) -> UpstreamSettings:
    """The servers at these ports."""
    servers = tuple(parse_server(f"http://origin.example:{port}") for port in ports)
    return UpstreamSettings(name="app", servers=servers, rules=rules)


@contextmanager
def pooled(
    folder: Path,
    rules: PoolRules,
    *,
    origins: int = 2,
    dead: int = 0,
    bounds: Bounds | None = None,
    weights: Sequence[int] = (),
    tls: ServerTlsSettings | None = None,
) -> Iterator[Pooled]:
    """Serve within this block; behind the origins of the pool come `dead` ports that nobody listens on."""
    with ExitStack() as stack:
        alive = tuple(stack.enter_context(origin(answering(number))) for number in range(origins))
        ports = [*(each.port for each in alive), *(_taken(stack) for _ in range(dead))]
        scenery = Scenery(folder=folder, origin=alive[0].port if alive else 1, bounds=bounds)
        settings = upstream(ports, rules)
        if weights:
            weighted = zip(settings.servers, weights, strict=True)
            settings = replace(settings, servers=tuple(replace(each, weight=weight) for each, weight in weighted))
        whole = scenery.settings()
        forward, reverse = whole.listeners
        listeners = (forward, replace(reverse, tls=tls))
        engine = compose(replace(whole, listeners=listeners, upstreams={"app": settings}))
        yield Pooled(stack.enter_context(served(scenery, engine)), alive)


def _taken(stack: ExitStack) -> int:
    """A port that refuses connections for as long as the test runs: bound, and nobody listens."""
    holder = stack.enter_context(socket.socket())
    holder.bind(("127.0.0.1", 0))
    port: int = holder.getsockname()[1]
    return port
