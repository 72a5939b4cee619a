from __future__ import annotations

import asyncio

import httpx
import pytest

from gateway.quickstart.app import build


def _ask(method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=build())
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("status", "said", "method", "path"),
    [
        (200, "Wicketgate quick start", "GET", "/"),
        (200, "a garden gate", "GET", "/items/2"),
        (404, "no such item", "GET", "/items/99"),
        (200, "you are in", "POST", "/login"),
        (405, "Method Not Allowed", "GET", "/login"),
        (200, "everything is open here", "GET", "/admin"),
        (200, "alice", "GET", "/admin/users"),
        (200, "ok", "GET", "/healthz"),
    ],
)
def test_every_page_answers(status: int, said: str, method: str, path: str) -> None:
    answer = _ask(method, path)

    assert answer.status_code == status
    assert said in answer.text


def test_the_application_tells_what_it_is_built_with() -> None:
    assert _ask("GET", "/").headers["x-powered-by"] == "FastAPI"


def test_decoding_makes_another_spelling_of_admin_reach_it() -> None:
    assert "everything is open here" in _ask("GET", "/%61dmin").text


def test_the_echo_shows_what_arrived() -> None:
    seen = _ask("PUT", "/echo", headers={"X-Forwarded-For": "192.0.2.1"}).json()

    assert seen["method"] == "PUT"
    assert seen["path"] == "/echo"
    assert ["x-forwarded-for", "192.0.2.1"] in seen["headers"]
    assert seen["client"] == "127.0.0.1"
