from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.admin.engines import answering, client

if TYPE_CHECKING:
    from pathlib import Path


def test_problems_have_one_form_wherever_they_come_from(tmp_path: Path) -> None:
    with answering(tmp_path, {"policies": "not today"}), client(tmp_path) as opened:
        found = {
            404: opened.get("/api/v1/nowhere"),
            405: opened.request("PUT", "/api/v1/status"),
            409: opened.get("/api/v1/policies"),
            422: opened.get("/api/v1/decisions?limit=0"),
        }
    with client(tmp_path / ".") as opened:
        found[503] = opened.get("/api/v1/status")

    assert {each.status_code: each.json()["status"] for each in found.values()} == {status: status for status in found}
    assert {each.headers["content-type"] for each in found.values()} == {"application/problem+json"}
    assert found[409].json()["detail"] == "not today"
    assert "query.limit" in found[422].json()["detail"]


def test_a_method_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    with client(tmp_path) as opened:
        assert opened.request("PUT", "/api/v1/session").headers["allow"] == "DELETE, GET, POST"


def test_the_api_describes_itself(tmp_path: Path) -> None:
    with client(tmp_path) as opened:
        told = opened.get("/openapi.json").json()

    assert told["info"] == {"title": "Wicketgate admin", "version": "1.2.3"}
    assert {"/api/v1/status", "/api/v1/decisions", "/api/v1/upstreams/{name}/servers"} <= told["paths"].keys()
