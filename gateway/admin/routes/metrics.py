"""The numbers of the engine, as Prometheus reads them: asked for with each scrape, and written by `gateway.metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Header
from fastapi.responses import Response

from gateway.metrics.exposition import render
from gateway.metrics.snapshot import read

if TYPE_CHECKING:
    from gateway.admin.desk import Desk


_TEXTS: Final[dict[str, Any]] = {
    "description": "As Prometheus reads them: its own text, or OpenMetrics, as `Accept` says.",
    "content": {kind: {"schema": {"type": "string"}} for kind in ("text/plain", "application/openmetrics-text")},
}


def router(desk: Desk) -> APIRouter:
    """The only one."""
    routes = APIRouter()

    @routes.get("/metrics", summary="Metrics for Prometheus.", response_class=Response, responses={200: _TEXTS})
    async def metrics(accept: Annotated[str, Header()] = "") -> Response:
        told = await desk.engine.ask("metrics")
        body, kind = render(read(told), accept)
        return Response(body, headers={"Content-Type": kind})

    return routes
