"""The numbers of the engine, as Prometheus reads them: asked for with each scrape, and written by `gateway.metrics`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response

if TYPE_CHECKING:
    from gateway.admin.desk import Desk


def router(desk: Desk) -> APIRouter:
    """The only one."""
    routes = APIRouter()

    @routes.get("/metrics", summary="Metrics for Prometheus.", response_class=Response)
    async def metrics(accept: Annotated[str, Header()] = "") -> Response:
        told = await desk.engine.ask("metrics")
        # Imported by the first scrape: what only looks after a gateway does without.
        snapshot, exposition = import_module("gateway.metrics.snapshot"), import_module("gateway.metrics.exposition")
        body, kind = exposition.render(snapshot.read(told), accept)
        return Response(body, headers={"Content-Type": kind})

    return routes
