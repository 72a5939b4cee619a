"""Spans and their ids for these tests."""

from __future__ import annotations

from gateway.traces.context import Context
from gateway.traces.spans import Span

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def span(number: int = 1, **more: object) -> Span:
    """One of the trace; its id is its number."""
    said: dict[str, object] = {
        "context": Context(TRACE, f"{number:016x}", sampled=True),
        "parent": None,
        "name": "GET",
        "kind": "server",
        "began": 1_000,
        "ended": 2_000,
        "attributes": {"url.path": "/x", "http.response.status_code": 200},
    }
    return Span(**said | more)  # type: ignore[arg-type]  # each by its name
