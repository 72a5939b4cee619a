"""Everything that programs of a company ask for, in one application of a real server over TLS, on loopback.

A page, an index of Python packages, a registry of Node packages, a git repository, a WebSocket and a stream of events.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import os
import subprocess
import tarfile
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute

from tests.e2e.commands import accepts, free_port, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from starlette.requests import Request
    from starlette.websockets import WebSocket

    from tests.e2e.origins import Authority

HOST: Final = "127.0.0.2"
NAMES: Final = (
    "www.example",
    "index.example",
    "npm.example",
    "git.example",
    "live.example",
    "bank.example",
    "games.example",
)
PAGE: Final = "<!doctype html><title>Padlocks</title><h1>A brass padlock</h1>"
PACKAGE: Final = "brass-padlock"
WHEEL: Final = "brass_padlock-1.0-py3-none-any.whl"
TARBALL: Final = f"{PACKAGE}-1.0.0.tgz"
SAID: Final = "closed"
"""What the package says, in Python and in Node."""


@dataclass(slots=True)
class Site:
    """A site that is served. `asked` holds host and path of every request, in order; `go` lets the next event out."""

    port: int
    asked: list[tuple[str, str]] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)

    def url(self, name: str, path: str = "/") -> str:
        """The address of something, under one of its names."""
        return f"https://{name}:{self.port}{path}"

    def paths(self, name: str) -> list[str]:
        """What was asked for under a name."""
        return [path for host, path in self.asked if host.partition(":")[0] == name]


@contextmanager
def serving(folder: Path, authority: Authority) -> Iterator[Site]:
    """Serve within this block; the repository and the certificates are kept in `folder`."""
    site = Site(free_port(HOST))
    authority.context(*NAMES)
    certificate = authority.file.with_name(f"{NAMES[0]}.server.pem")
    config = uvicorn.Config(
        _application(site, _repository(folder)),
        host=HOST,
        port=site.port,
        log_level="error",
        ssl_certfile=certificate,
        ssl_keyfile=certificate,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: accepts(site.port, HOST), "the site never came up")
        yield site
    finally:
        server.should_exit = True
        thread.join()


def _application(site: Site, repository: Path) -> Starlette:
    async def events(_: Request) -> StreamingResponse:
        return StreamingResponse(_two_events(site), media_type="text/event-stream")

    async def git(request: Request) -> Response:
        return await asyncio.to_thread(_backend, repository, request, await request.body())

    async def metadata(_: Request) -> JSONResponse:
        return JSONResponse(_node_metadata(site))

    app = Starlette(
        routes=[
            Route("/", lambda _: HTMLResponse(PAGE)),
            Route("/upload", _count, methods=["POST", "PUT"]),
            Route("/debian/Packages", lambda _: PlainTextResponse("")),
            Route("/simple/brass-padlock/", _links),
            Route(f"/files/{WHEEL}", lambda _: Response(_wheel(), media_type="application/zip")),
            Route(f"/{PACKAGE}", metadata),
            Route(f"/{PACKAGE}/-/{TARBALL}", lambda _: Response(_tarball(), media_type="application/octet-stream")),
            Route("/padlocks.git/{rest:path}", git, methods=["GET", "POST"]),
            Route("/events", events),
            WebSocketRoute("/echo", _echo),
        ]
    )

    async def remembering(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] in {"http", "websocket"}:
            host = dict(scope["headers"]).get(b"host", b"").decode("ascii")
            site.asked.append((host, scope["path"]))
        await app(scope, receive, send)

    return remembering  # type: ignore[return-value]  # an ASGI application like the one that it wraps


async def _count(request: Request) -> PlainTextResponse:
    size = 0
    async for piece in request.stream():
        size += len(piece)
    return PlainTextResponse(str(size))


async def _two_events(site: Site) -> AsyncIterator[str]:
    """The second is not sent before somebody who got the first says so."""
    yield "data: first\n\n"
    await asyncio.to_thread(site.go.wait)
    yield "data: second\n\n"


async def _echo(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text.upper())


# --- Python ---------------------------------------------------------------------------------------------------------


def _links(_: Request) -> HTMLResponse:
    digest = hashlib.sha256(_wheel()).hexdigest()
    return HTMLResponse(f'<!doctype html><a href="/files/{WHEEL}#sha256={digest}">{WHEEL}</a>')


def _wheel() -> bytes:
    files = {
        "brass_padlock.py": f"STATE = {SAID!r}\n",
        "brass_padlock-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: brass-padlock\nVersion: 1.0\n",
        "brass_padlock-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files["brass_padlock-1.0.dist-info/RECORD"] = "".join(f"{name},,\n" for name in files)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return packed.getvalue()


# --- Node -----------------------------------------------------------------------------------------------------------


def _node_metadata(site: Site) -> dict[str, Any]:
    integrity = base64.b64encode(hashlib.sha512(_tarball()).digest()).decode("ascii")
    version = {
        "name": PACKAGE,
        "version": "1.0.0",
        "dist": {
            "tarball": site.url("npm.example", f"/{PACKAGE}/-/{TARBALL}"),
            "integrity": f"sha512-{integrity}",
        },
    }
    return {"name": PACKAGE, "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}


def _tarball() -> bytes:
    packed = io.BytesIO()
    files = {
        "package/package.json": json.dumps({"name": PACKAGE, "version": "1.0.0", "main": "index.js"}),
        "package/index.js": f"module.exports = {SAID!r};\n",
    }
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode("ascii")))
    return _without_time(packed.getvalue())


def _without_time(gzipped: bytes) -> bytes:
    """The same archive at every call: its integrity is told before it is fetched (RFC 1952 section 2.3, MTIME)."""
    return gzipped[:4] + b"\0\0\0\0" + gzipped[8:]


# --- git ------------------------------------------------------------------------------------------------------------


def _repository(folder: Path) -> Path:
    """A bare repository with one commit, which anybody may push to, as far as the server is concerned."""
    work, bare = folder / "work", folder / "padlocks.git"
    git("init", "-q", "-b", "main", str(work), cwd=folder)
    (work / "README").write_text("A brass padlock\n", encoding="utf-8")
    git("add", "README", cwd=work)
    git("commit", "-q", "-m", "a padlock", cwd=work)
    git("clone", "-q", "--bare", str(work), str(bare), cwd=folder)
    git("config", "http.receivepack", "true", cwd=bare)
    return bare


def git(*arguments: str, cwd: Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run git as somebody who has no settings of their own."""
    own = {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example",
    }
    run = subprocess.run(
        ["git", *arguments],
        cwd=cwd,
        env={**os.environ, **own, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert environment is not None or run.returncode == 0, run.stderr
    return run


def _backend(repository: Path, request: Request, body: bytes) -> Response:
    """What git's own server program answers (RFC 3875)."""
    environment = {
        **os.environ,
        "GIT_PROJECT_ROOT": str(repository.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": request.url.path,
        "QUERY_STRING": request.url.query,
        "REQUEST_METHOD": request.method,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_USER": "somebody",
        "REMOTE_ADDR": HOST,
    }
    out = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=True).stdout
    head, _, content = out.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode("ascii").split("\r\n"))
    status = int(fields.pop("Status", "200").split()[0])
    return Response(content, status, fields)
