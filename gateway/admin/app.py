"""The application of the admin process: routes behind the guard, and every problem in one form."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from gateway.admin.answers import PROBLEM, described, problem
from gateway.admin.asking import Engine, Refused, Unanswered
from gateway.admin.attempts import Attempts
from gateway.admin.desk import Desk
from gateway.admin.guarding import Guard, Stopped
from gateway.admin.history import Tail
from gateway.admin.pages.site import pages
from gateway.admin.routes import decisions, engine, metrics, standing, stories
from gateway.admin.sessions import Sessions
from gateway.admin.token import METRICS, Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.admin.brief import Brief

_LONGEST: Final = 300
_NOT_ALLOWED: Final = 405
_LOOK_BACK: Final = 64 * 1024 * 1024
"""Bytes of the log that are counted at the start."""
_COUNT_EVERY: Final = 0.5
_log: Final = logging.getLogger(__name__)


def build(brief: Brief) -> Guard:
    """The application, ready to be served."""
    desk = Desk(
        brief=brief,
        engine=Engine(brief.folder),
        token=Secret(brief.folder),
        sessions=Sessions(time.monotonic),
    )
    site = pages()
    app = FastAPI(
        title="Wicketgate admin",
        version=brief.version,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        responses=described(400, 401, 403, 404, 405, 409, 413, 415, 421, 422, 429, 500, 503),
        lifespan=partial(_counting, desk),
    )
    routers = (
        standing.router(desk, site),
        engine.router(desk),
        decisions.router(desk),
        stories.router(desk),
        metrics.router(desk),
    )
    for each in routers:
        app.include_router(each)
    app.state.routes = [route for each in routers for route in each.routes]
    for kind, status in ((Unanswered, 503), (Refused, 409)):
        app.add_exception_handler(kind, _told(status))
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(Stopped, _stopped)
    app.add_exception_handler(Exception, _failed)
    desk.guard = Guard(
        app,
        desk.token,
        Secret(brief.folder, METRICS),
        desk.sessions,
        Attempts(time.monotonic),
        hosts=frozenset(brief.hosts),
        pages=frozenset(site),
        open_metrics=brief.open_metrics,
    )
    return desk.guard


@asynccontextmanager
async def _counting(desk: Desk, _app: FastAPI) -> AsyncIterator[None]:
    """Keep the figures up to date for as long as the application is served."""
    task = asyncio.create_task(_count_for_ever(desk))
    yield
    task.cancel()


async def _count_for_ever(desk: Desk) -> None:
    tail: Tail | None = None
    while True:
        try:
            if tail is None:
                tail = await asyncio.to_thread(Tail.over_the_last, desk.brief.log, _LOOK_BACK)
            while lines := await asyncio.to_thread(tail.lines, 2000):
                for _, line in lines:
                    desk.figures.take(line)
        except OSError as error:
            _log.warning("the log cannot be read for figures: %s", (error.strerror or str(error)).lower())
            tail = None
        await asyncio.sleep(_COUNT_EVERY)


def _told(status: int) -> Any:
    async def answer(_request: Request, error: Exception) -> Response:
        return Response(problem(status, str(error)), status, media_type=PROBLEM)

    return answer


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    fields = {"Allow": _allowed(request)} if status == _NOT_ALLOWED else None
    detail = "there is nothing here" if status == 404 else str(getattr(error, "detail", "it failed"))  # noqa: PLR2004 - not found
    return Response(problem(status, detail), status, fields, media_type=PROBLEM)


def _allowed(request: Request) -> str:
    """Every method that has a route at this path: the framework names those of the first one alone."""
    routes = (each for each in request.app.state.routes if each.matches(request.scope)[0] is not Match.NONE)
    return ", ".join(sorted({method for each in routes for method in getattr(each, "methods", None) or ()}))


async def _stopped(_request: Request, error: Exception) -> Response:
    stopped = error if isinstance(error, Stopped) else Stopped(500, "it failed")
    fields = {name.decode(): value.decode() for name, value in stopped.fields}
    return Response(problem(stopped.status, stopped.detail), stopped.status, fields, media_type=PROBLEM)


async def _failed(_request: Request, _error: Exception) -> Response:
    """Nobody is told what went wrong inside; the guard says it to the operator."""
    return Response(problem(500, "the admin side failed, requests are served all the same"), 500, media_type=PROBLEM)


async def _unreadable(_request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else ()
    told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg'].lower()}" for each in found)
    return Response(problem(422, told[:_LONGEST] or "it cannot be read"), 422, media_type=PROBLEM)
