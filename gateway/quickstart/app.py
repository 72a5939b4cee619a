"""The application of the quick start: a shop so small that every page shows one thing a gateway is for.

It is careless on purpose, as applications are: it tells what it is built with, its admin pages ask for no password,
its login may be tried as often as anybody likes. What stands in front of it has to make up for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi import FastAPI, HTTPException, Request, Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ITEMS: Final = {1: "a brass padlock", 2: "a garden gate", 3: "a bunch of keys"}


def build() -> FastAPI:
    """The application, ready to be served."""
    app = FastAPI(title="Quick start shop", docs_url=None, redoc_url=None, openapi_url=None)
    app.middleware("http")(_boast)
    app.get("/")(front_page)
    app.get("/items/{number}")(item)
    app.post("/login")(login)
    app.get("/admin")(admin)
    app.get("/admin/users")(users)
    app.get("/healthz")(health)
    app.api_route("/echo", methods=["GET", "POST", "PUT", "DELETE"])(echo)
    return app


async def _boast(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """Say what the application is built with, as many frameworks do; the gateway takes it out again."""
    response = await answer(request)
    response.headers["X-Powered-By"] = "FastAPI"
    return response


async def front_page() -> dict[str, str]:
    """A page that everybody may see."""
    return {"shop": "Wicketgate quick start", "try": "/items/1"}


async def item(number: int) -> dict[str, str | int]:
    """One thing for sale."""
    if number not in ITEMS:
        raise HTTPException(404, "no such item")
    return {"item": number, "name": ITEMS[number]}


async def login() -> dict[str, str]:
    """A login that never says no: what limits the guessing is the gateway."""
    return {"welcome": "you are in"}


async def admin() -> dict[str, str]:
    """A page that nobody outside should reach."""
    return {"admin": "everything is open here"}


async def users() -> dict[str, list[str]]:
    """A page below the one that nobody outside should reach."""
    return {"users": ["alice", "bob"]}


async def health() -> dict[str, str]:
    """Whether the application lives."""
    return {"status": "ok"}


async def echo(request: Request) -> dict[str, object]:
    """What arrived here: compare it with what was sent."""
    return {
        "method": request.method,
        "path": request.scope["raw_path"].decode("ascii", "replace"),
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.scope["headers"]],
        "client": request.client.host if request.client else None,
    }
