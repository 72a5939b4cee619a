"""What is counted of an exchange when it is over: under which name, its bytes, and its time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from addons.judging.exchange import Exchange
    from gateway.metrics.counting import Counting

_TUNNELS: Final = frozenset({"tcp", "websocket"})


def count_end(counting: Counting, exchange: Exchange, now: float) -> None:
    """Count an exchange that ended `now`, in seconds of the timer by which it started."""
    begun, let_through = exchange.started, exchange.let_through
    counting.ended(
        (
            exchange.connection.listener.name,
            "tunnel" if _is_tunnel(exchange) else "request",
            (exchange.status or 0) // 100,
            "" if exchange.outcome is None else exchange.outcome.reason,
            exchange.cache or "",
        ),
        (exchange.up, exchange.down),
        now - begun,
        (now if let_through is None else let_through) - begun,
    )


def _is_tunnel(exchange: Exchange) -> bool:
    """Whether it lasts as long as its ends want, and not as long as an answer takes."""
    return exchange.facts.protocol in _TUNNELS or exchange is exchange.connection.tunnel
