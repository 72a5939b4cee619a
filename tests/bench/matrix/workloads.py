"""What is asked of whom: each workload has a role, a unit, and a way to drive a target for so many seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.request import Request, urlopen

from tests.bench.load import Wrong
from tests.bench.matrix.client import drive
from tests.bench.matrix.h2 import multiplex
from tests.bench.matrix.known import BLOCKED, HOST
from tests.bench.matrix.wrk import Asking, ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.matrix.cells import Sample
    from tests.bench.matrix.places import Ends, Target

REQUESTS: Final = "requests/s"
MEGABYTES: Final = "MB/s"
STREAMS: Final = 8
"""Requests at once on a connection of HTTP/2."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One round: of whom, for how long, by how many clients; and what the target could do before, if it was tried."""

    target: Target
    ends: Ends
    seconds: float
    connections: int
    before: Sample | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """`name` is for flags, `title` for people; `longer`: how many times as long its rounds are, `needs`: programs."""

    name: str
    title: str
    role: str
    connections: int
    drive: Callable[[Asked], Sample]
    unit: str = REQUESTS
    longer: int = 1
    needs: str = "wrk"

    @property
    def in_bytes(self) -> bool:
        """Whether megabytes are counted instead of answers."""
        return self.unit == MEGABYTES


def _forward(asked: Asked) -> Sample:
    host = f"127.0.0.1:{asked.ends.plain}"
    return _asked(asked, f"http://{host}/", host)


def _refused(asked: Asked) -> Sample:
    return _asked(asked, f"http://{BLOCKED}/", BLOCKED, refused=True)


def _reverse(asked: Asked) -> Sample:
    return _asked(asked)


def _from_the_cache(asked: Asked) -> Sample:
    sample = _asked(asked)
    if asked.target.log is not None:
        again = Request(f"http://127.0.0.1:{asked.target.port}/", headers={"Host": HOST})
        with urlopen(again, timeout=10) as answer:
            said = answer.headers.get("Cache-Status", "")
        if "; hit" not in said:
            raise Wrong(f"the gateway did not answer from its cache: {said or 'no Cache-Status'}")
    return sample


def _anew(asked: Asked) -> Sample:
    return _asked(asked, close=True)


def _half(asked: Asked) -> Sample:
    """At half of what the target could do before: every connection waits as long as it was busy then."""
    before = asked.before
    return _asked(asked, delay_ms=0.0 if before is None else asked.connections * before.seconds / before.count * 1000)


def _asked(asked: Asked, aim: str = "/", host: str = HOST, **more: Any) -> Sample:
    asking = Asking(asked.target.port, aim, host, asked.connections, closing=asked.target.closing, **more)
    return ask(asking, asked.seconds)


def _http2(asked: Asked) -> Sample:
    return multiplex(asked.target.port, HOST, asked.seconds, asked.connections, STREAMS)


def _by_client(way: str, origin: Callable[[Ends], int]) -> Callable[[Asked], Sample]:
    def load(asked: Asked) -> Sample:
        target, behind = asked.target, origin(asked.ends)
        proxy = None if target.pid is None else target.port
        return drive(way, (proxy, behind), target.authority, asked.seconds, asked.connections)

    return load


def _live(way: str) -> Callable[[Asked], Sample]:
    return lambda asked: drive(way, (asked.target.live, asked.ends.live), None, asked.seconds, asked.connections)


def _plain(role: str, title: str, how: Callable[[Asked], Sample], *counts: int) -> list[Workload]:
    """The same by so many connections; 2,000 take longer, as they have to be opened first."""
    return [
        Workload(
            role if count == _USUAL else f"{role}-{count}",
            f"{title}, {count:,} connection{'s' if count > 1 else ''}",
            role,
            count,
            how,
            longer=6 if count > 1000 else 1,
        )
        for count in counts
    ]


_USUAL: Final = 32
_OWN: Final = ""

WORKLOADS: Final = (
    *_plain("forward", "Plain forward", _forward, 1, _USUAL),
    Workload("refused", "Refused, plain forward, 32 connections", "forward", _USUAL, _refused),
    *_plain("forward", "Plain forward", _forward, 256, 2000),
    Workload(
        "tunnels",
        "Tunnels unread: opened, used for a byte, closed; 16 at once",
        "tunnel",
        16,
        _by_client("tunnels", lambda ends: ends.pour),
        "tunnels/s",
        needs=_OWN,
    ),
    Workload(
        "tunnel-bytes",
        "Bytes through one tunnel unread",
        "tunnel",
        1,
        _by_client("pulled", lambda ends: ends.pour),
        MEGABYTES,
        needs=_OWN,
    ),
    Workload(
        "inspected-new",
        "Inspected TLS, a new connection for every request, 8 at once",
        "inspect",
        8,
        _by_client("tls-new", lambda ends: ends.secure),
        needs=_OWN,
    ),
    Workload(
        "inspected-kept",
        "Inspected TLS, kept alive, 8 connections",
        "inspect",
        8,
        _by_client("tls-kept", lambda ends: ends.secure),
        needs=_OWN,
    ),
    Workload(
        "inspected-bytes",
        "Bytes through one inspected tunnel, bodies of 20 MB",
        "inspect",
        1,
        _by_client("tls-bytes", lambda ends: ends.secure),
        MEGABYTES,
        needs=_OWN,
    ),
    *_plain("reverse", "Reverse, kept alive", _reverse, 1, _USUAL),
    Workload("reverse-new", "Reverse, a new connection for every request, 32 at once", "reverse", _USUAL, _anew),
    Workload("reverse-half", "Reverse at half load, 32 connections", "reverse", _USUAL, _half),
    Workload(
        "websocket",
        "WebSocket, messages echoed, 32 connections",
        "reverse",
        _USUAL,
        _live("echoes"),
        "messages/s",
        needs=_OWN,
    ),
    Workload(
        "sse",
        "Events (SSE) one after the other, 32 streams",
        "reverse",
        _USUAL,
        _live("events"),
        "events/s",
        needs=_OWN,
    ),
    *_plain("reverse", "Reverse, kept alive", _reverse, 256, 2000),
    Workload("cached", "Reverse from the cache, kept alive, 32 connections", "cached", _USUAL, _from_the_cache),
    Workload("http2", "HTTP/2 over TLS, 4 connections with 8 streams each", "secure", 4, _http2, needs="h2load"),
)
"""All there are, in the order of roles: many connections last, as memory and what is left to do are behind them."""
