"""An application as people write them: an administration, and everything else. It answers with what it was asked.

A request to `SEEN` is answered with all that arrived since the last one, as it arrived, and is itself no part of it.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    type Scope = dict[str, Any]
    type Application = Callable[[Scope, Any, Any], Awaitable[None]]

SEEN: Final = "/-/seen"
ADMIN: Final = "admin"

METHODS: Final = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PURGE"]


def build() -> FastAPI:
    """The application, ready to be served."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.api_route("/admin", methods=METHODS)(admin)
    app.api_route("/admin/{rest:path}", methods=METHODS)(admin)
    app.api_route("/{rest:path}", methods=METHODS)(everything_else)
    return app


async def admin(request: Request) -> JSONResponse:
    """What nobody outside may ever see."""
    return await _answer(request, ADMIN)


async def everything_else(request: Request) -> JSONResponse:
    """Any other page."""
    return await _answer(request, "rest")


async def _answer(request: Request, page: str) -> JSONResponse:
    scope, client = request.scope, request.client
    told = {
        "page": page,
        "path": scope["path"],
        "raw": scope["raw_path"].decode("latin-1"),
        "query": scope["query_string"].decode("latin-1"),
        "client": None if client is None else client.host,
        "scheme": scope["scheme"],
        "url": str(request.url),
        "body": len(await request.body()),
    }
    return JSONResponse(told, headers={"X-Powered-By": "FastAPI", "X-Runtime": "0.1"})


class Watched:
    """The application, with a note of every request that came to it."""

    def __init__(self, application: Application) -> None:
        self._application: Final = application
        self._seen: list[dict[str, str]] = []

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Take the request down and pass it on."""
        if scope["type"] == "http" and scope["path"] == SEEN:
            seen, self._seen = self._seen, []
            await JSONResponse(seen)(scope, receive, send)
            return
        if scope["type"] == "http":
            self._seen.append(_note(scope))
        await self._application(scope, receive, send)


def _note(scope: Scope) -> dict[str, str]:
    query = scope["query_string"].decode("latin-1")
    target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    fields = "".join(f"{name.decode()}: {value.decode('latin-1')}\r\n" for name, value in scope["headers"])
    line = f"{scope['method']} {target} HTTP/{scope['http_version']}"
    page = ADMIN if f"{scope['path']}/".startswith("/admin/") else "rest"
    return {"line": line, "text": f"{line}\r\n{fields}", "page": page}


def main() -> None:
    """Serve it with uvicorn's own settings but for the parser: `application.py PARSER PORT`."""
    parser, port = sys.argv[1], int(sys.argv[2])
    uvicorn.run(Watched(build()), port=port, http=parser, log_level="critical")


def read(data: bytes) -> list[dict[str, str]]:
    """What `SEEN` answered."""
    found: list[dict[str, str]] = json.loads(data)
    return found


if __name__ == "__main__":
    main()
