"""How exact shared limits are under load: workers of one machine, and three gateways with one store.

Run it with `python -m tests.bench.bench_shared_limits`; with `--write` the figures go into the page that shows them.
Many clients of one address ask at once, more than the limit admits; what the application was asked is what was let
through, and beyond the limit is what should be 0. `at once` is the most that the application had at any moment.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.bench.pages import put
from tests.e2e.gateway import gateway
from tests.e2e.origin import Visit, origin, read_request
from tests.e2e.wire import get
from tests.stores import store_server

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

    from tests.e2e.gateway import Gateway

PAGE: Final = Path(__file__).parents[2] / "docs" / "explanation" / "shared-limits.md"
HOST: Final = "shop.example"
AT_ONCE: Final = 4
_POLICY: Final = """\
version: 1
name: shop
default: {{action: allow}}
limits:
  - {{id: rate, key: [client.ip], rate: {rate}/d, burst: {rate}, scope: {scope}, when: {{path: {{prefix: [/rate]}}}}}}
  - {{id: running, key: [client.ip], concurrent: {at_once}, scope: {scope}, when: {{path: {{prefix: [/slow]}}}}}}
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One line of the table: who counts, what a limit admits, what was asked, what came through, and what too much."""

    who: str
    limit: str
    asked: int
    through: int
    beyond: int


@dataclass(slots=True)
class Application:
    """What is behind: it counts what it is asked, and holds `/slow` for a moment."""

    asked: Counter[str] = field(default_factory=Counter)
    most: int = 0
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _moment: threading.Event = field(default_factory=threading.Event)

    def serve(self, connection: socket.socket, visit: Visit) -> None:
        """Answer everything with 200."""
        while request := read_request(connection, visit):
            path = request.split(b" ", 2)[1].decode()
            with self._lock:
                self.asked[path] += 1
                self._now += 1
                self.most = max(self.most, self._now if path == "/slow" else 0)
            if path == "/slow":
                self._moment.wait(0.01)
            with self._lock:
                self._now -= 1
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@contextmanager
def _fleet(scope: str, rate: int, count: int, settings: dict[str, Any]) -> Iterator[tuple[list[Gateway], Application]]:
    application = Application()
    policy = _POLICY.format(rate=rate, scope=scope, at_once=AT_ONCE)
    with (
        tempfile.TemporaryDirectory() as folder,
        origin(serve=application.serve) as behind,
        ExitStack() as running,
    ):
        gateways = []
        for number in range(count):
            place = Path(folder) / str(number)
            place.mkdir()
            made = gateway(place, reverse=policy, upstreams=[f"http://127.0.0.1:{behind.port}"], settings=settings)
            gateways.append(running.enter_context(made))
        yield gateways, application


def _hammer(gateways: Sequence[Gateway], path: str, asked: int, clients: int) -> None:
    """Ask so often in all, over so many connections, which go to all gateways and workers."""

    def ask_on(one: Gateway) -> None:
        for _ in range(asked // clients // 5):
            with one.front() as wire:  # another connection may reach another worker
                for _ in range(5):
                    wire.ask(get(path, HOST))

    threads = [threading.Thread(target=ask_on, args=(gateways[at % len(gateways)],)) for at in range(clients)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def _measured(who: str, rate: int, asked: int, *, scope: str, count: int, settings: dict[str, Any]) -> list[Measured]:
    clients = 12
    asked -= asked % (clients * 5)
    with _fleet(scope, rate, count, settings) as (gateways, application):
        for path in ("/rate", "/slow"):
            _hammer(gateways, path, asked, clients)
    through, most = application.asked["/rate"], application.most
    return [
        Measured(who, f"{rate:,} a day, all at once", asked, through, through - rate),
        Measured(who, f"{AT_ONCE} at once", asked, application.asked["/slow"], max(0, most - AT_ONCE)),
    ]


def measure(rate: int, asked: int) -> list[Measured]:
    """Both ways of sharing, with a limit of `rate`, and so many requests for each limit."""
    found = _measured("4 workers", rate, asked, scope="machine", count=1, settings={"workers": 4})
    with tempfile.TemporaryDirectory() as folder, store_server(Path(folder)) as server:
        settings = {"limits_store": {"url": server.url, "timeout": "5s"}}
        return found + _measured("3 gateways, one store", rate, asked, scope="cluster", count=3, settings=settings)


def table(measured: Sequence[Measured]) -> str:
    """The lines as Markdown."""
    head = "| counted by | the limit | asked | let through | beyond the limit |\n|---|---|---|---|---|\n"
    return head + "".join(
        f"| {each.who} | {each.limit} | {each.asked:,} | {each.through:,} | {each.beyond} |\n" for each in measured
    )


def main(arguments: Sequence[str]) -> int:
    """Measure; `--write` puts the figures into the page."""
    text = table(measure(rate=1_000, asked=3_000))
    if "--write" in arguments:
        put(PAGE, "figures of shared limits", text)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
