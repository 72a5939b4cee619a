from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from gateway.admin.attempts import Attempts
from gateway.admin.guarding import Guard
from gateway.admin.sessions import COOKIE, KEY, Sessions
from gateway.admin.token import METRICS, Secret, ensure, read

if TYPE_CHECKING:
    from pathlib import Path

PASSED = 204


async def through(_scope: Any, _receive: Any, send: Any) -> None:
    """What is behind the guard: it answers whatever it is asked."""
    await send({"type": "http.response.start", "status": PASSED, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def broken(_scope: Any, _receive: Any, _send: Any) -> None:
    raise RuntimeError("a secret of the inside")


@pytest.fixture
def guard(tmp_path: Path) -> Guard:
    ensure(tmp_path)
    ensure(tmp_path, METRICS)
    return Guard(
        through,
        Secret(tmp_path),
        Secret(tmp_path, METRICS),
        Sessions(lambda: 0.0),
        Attempts(lambda: 0.0),
        hosts=frozenset({"gateway.corp.example"}),
        pages=frozenset({"/"}),
    )


def asked(guard: Guard, method: str, path: str, *fields: tuple[str, str], kind: str = "http") -> tuple[int, str]:
    """The status, and everything else that was sent."""
    sent: list[Any] = []
    if not any(name == "host" for name, _ in fields):
        fields = (("host", "127.0.0.1:8090"), *fields)
    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "scheme": "http",
        "client": ("127.0.0.1", 5),
        "headers": [(name.encode(), value.encode()) for name, value in fields],
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(guard(scope, receive, send))
    return sent[0].get("status", 0), str(sent)


def bearer(guard: Guard, name: str = "admin-token") -> tuple[str, str]:
    return "authorization", f"Bearer {read(guard.token.state, name).decode()}"


def test_the_token_opens_and_everything_else_does_not(guard: Guard) -> None:
    assert asked(guard, "GET", "/api/v1/status", bearer(guard))[0] == PASSED
    assert asked(guard, "GET", "/api/v1/status")[0] == 401
    assert asked(guard, "GET", "/api/v1/status", ("authorization", "Basic eDp5"))[0] == 401
    assert asked(guard, "GET", "/api/v1/status", bearer(guard), bearer(guard))[0] == 400
    assert asked(guard, "GET", "/api/v1/status", bearer(guard, METRICS))[0] == 401
    assert asked(guard, "GET", "/metrics", bearer(guard, METRICS))[0] == PASSED
    assert {asked(guard, "GET", path)[0] for path in ("/", "/healthz", "/readyz")} == {PASSED}
    assert asked(guard, "GET", "/healthz/")[0] == 401


@pytest.mark.parametrize(
    ("status", "host"),
    [
        (PASSED, "localhost"),
        (PASSED, "LOCALHOST:1"),
        (PASSED, "192.0.2.1"),
        (PASSED, "[::1]:8090"),
        (PASSED, "gateway.corp.example:8090"),
        (421, "evil.example"),
        (421, "sub.gateway.corp.example"),
        (400, ""),
        (400, "a b"),
    ],
)
def test_only_own_names_are_answered(status: int, host: str, guard: Guard) -> None:
    assert asked(guard, "GET", "/healthz", ("host", host))[0] == status


@pytest.mark.parametrize(
    ("status", "method", "fields"),
    [
        (PASSED, "POST", ()),
        (PASSED, "POST", (("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:8090"))),
        (PASSED, "GET", (("sec-fetch-site", "none"),)),
        (PASSED, "GET", (("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"))),
        (403, "GET", (("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors"))),
        (403, "POST", (("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"))),
        (403, "POST", (("origin", "http://127.0.0.1:8081"),)),
        (403, "POST", (("origin", "https://127.0.0.1:8090"),)),
        (403, "DELETE", (("origin", "null"),)),
    ],
)
def test_a_session_is_of_use_to_its_own_pages_alone(
    status: int, method: str, fields: tuple[tuple[str, str], ...], guard: Guard
) -> None:
    guard.token.look()
    identifier, key = guard.sessions.begin(guard.token.changes)
    cookie = ("cookie", f"other=1; {COOKIE}={identifier}")

    assert asked(guard, method, "/api/v1/status", cookie, (KEY, key), *fields)[0] == status
    assert asked(guard, method, "/api/v1/status", cookie, *fields)[0] == (401 if status == PASSED else status)
    assert asked(guard, method, "/api/v1/status", cookie, (KEY, key), (KEY, key), *fields)[0] in {400, status} - {
        PASSED
    }


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (PASSED, (("content-length", "0"),)),
        (PASSED, (("content-length", "9"), ("content-type", "application/json; charset=utf-8"))),
        (415, (("content-length", "9"), ("content-type", "text/plain"))),
        (415, (("transfer-encoding", "chunked"),)),
        (413, (("content-length", "65537"), ("content-type", "application/json"))),
        (413, (("content-length", "-1"), ("content-type", "application/json"))),
    ],
)
def test_bodies_are_json_and_small(status: int, fields: tuple[tuple[str, str], ...], guard: Guard) -> None:
    assert asked(guard, "POST", "/api/v1/explain", bearer(guard), *fields)[0] == status


def test_what_goes_wrong_inside_is_told_to_nobody(guard: Guard, caplog: pytest.LogCaptureFixture) -> None:
    guard = Guard(broken, guard.token, guard.metrics, guard.sessions, guard.attempts)

    status, said = asked(guard, "GET", "/healthz")

    assert status == 500
    assert "secret of the inside" not in said + caplog.text
    assert "RuntimeError" in caplog.text


def test_websockets_are_closed_and_every_answer_tells_browsers_what_is_allowed(guard: Guard) -> None:
    assert "websocket.close" in asked(guard, "GET", "/", kind="websocket")[1]
    assert "frame-ancestors 'none'" in asked(guard, "GET", "/healthz")[1]
