from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.admin.invitation import invite
from gateway.admin.sessions import COOKIE
from gateway.admin.token import read
from tests.unit.admin.engines import answering, client

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("status", "word", "standing"),
    [
        (200, "ready", {"ready": True, "draining": False}),
        (503, "draining", {"ready": False, "draining": True}),
        (503, "not ready", {"ready": False, "draining": False}),
        (503, "the gateway does not answer", "it fails"),
    ],
)
def test_whether_it_is_ready_is_what_the_engine_says(status: int, word: str, standing: Any, tmp_path: Path) -> None:
    with answering(tmp_path, {"status": standing}), client(tmp_path) as opened:
        answer = opened.get("/readyz", headers={"Authorization": ""})

    assert (answer.status_code, answer.json()) == (status, {"status": word})


def test_signing_in_takes_the_token_and_nothing_else(tmp_path: Path) -> None:
    with client(tmp_path, certificate="a.pem") as opened:
        wrong = opened.post("/api/v1/session", json={"token": "x" * 43})
        right = opened.post("/api/v1/session", json={"token": read(tmp_path).decode()})

    assert (wrong.status_code, wrong.json()["detail"]) == (401, "this is not the token")
    assert right.json().keys() == {"signed_in", "key"}
    assert right.json()["key"] not in right.headers["set-cookie"]
    cookie = right.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Secure", "Max-Age=43200"))


def test_the_code_of_a_link_signs_in_once_and_wrong_ones_are_counted(tmp_path: Path) -> None:
    with client(tmp_path) as opened:
        code = invite(tmp_path)
        answers = [opened.post("/api/v1/session", json={"code": each}) for each in ("x", code, code, *"abcdefgh")]
        late = opened.post("/api/v1/session", json={"code": invite(tmp_path)})

    assert [each.status_code for each in answers] == [401, 200, *[401] * 9]
    assert answers[1].headers["set-cookie"].startswith(f"{COOKIE}=")
    assert "wicketgate admin link" in answers[2].json()["detail"]
    assert late.status_code == 429


def test_without_a_token_and_without_a_code_nobody_signs_in(tmp_path: Path) -> None:
    with client(tmp_path) as opened:
        assert opened.post("/api/v1/session", json={}).status_code == 401


def test_pages_are_served_to_everybody(tmp_path: Path) -> None:
    with client(tmp_path) as opened:
        page = opened.get("/", headers={"Authorization": ""})

    assert (page.status_code, page.headers["cache-control"]) == (200, "no-cache")
