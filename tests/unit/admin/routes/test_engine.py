from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.admin.engines import answering, client

if TYPE_CHECKING:
    from pathlib import Path

DONE = {"told": True}
WHO = "admin-api token from 127.0.0.1"


@pytest.mark.parametrize("path", ["status", "policies", "lists", "upstreams", "limits", "cache"])
def test_what_the_engine_tells_is_passed_on(path: str, tmp_path: Path) -> None:
    verb = "cache.stats" if path == "cache" else path
    with answering(tmp_path, {verb: DONE}), client(tmp_path) as opened:
        assert opened.get(f"/api/v1/{path}").json() == DONE


@pytest.mark.parametrize(
    ("verb", "given", "method", "path", "body"),
    [
        ("reload", {}, "POST", "reload", None),
        ("drain", {"seconds": "2.5"}, "POST", "drain", {"seconds": 2.5}),
        ("cache.purge", {"host": "x.example"}, "POST", "cache/purge", {"scope": "host", "value": "x.example"}),
        (
            "upstreams.servers",
            {"upstream": "app", "do": "add", "url": "http://10.0.0.1:80", "weight": "3"},
            "PUT",
            "upstreams/app/servers",
            {"url": "http://10.0.0.1:80", "weight": 3},
        ),
        (
            "upstreams.servers",
            {"upstream": "app", "do": "drain", "url": "http://10.0.0.1"},
            "DELETE",
            "upstreams/app/servers?url=http://10.0.0.1&drain=true",
            None,
        ),
    ],
)
def test_what_changes_something_is_ordered_with_who_wants_it(  # noqa: PLR0917 - the columns of a table
    verb: str, given: dict[str, str], method: str, path: str, body: Any, tmp_path: Path
) -> None:
    with answering(tmp_path, {verb: DONE}) as heard, client(tmp_path) as opened:
        answer = opened.request(method, f"/api/v1/{path}", json=body)

    assert answer.json() == DONE
    assert (heard[-1].verb, heard[-1].given, heard[-1].by) == (verb, given, WHO)


def test_a_question_is_asked_with_all_that_is_known(tmp_path: Path) -> None:
    body = {"url": "http://x.example/", "client": "192.0.2.1", "groups": ["a", "b"], "destinations": ["192.0.2.9"]}
    with answering(tmp_path, {"explain": DONE}) as heard, client(tmp_path) as opened:
        assert opened.post("/api/v1/explain", json=body).json() == DONE

    assert heard[-1].given == {
        "url": "http://x.example/",
        "method": "GET",
        "client": "192.0.2.1",
        "group": "a,b",
        "destination": "192.0.2.9",
    }


@pytest.mark.parametrize("body", [{}, {"url": ""}, {"url": 1}, {"url": "x", "method": "A B"}, {"url": "x", "more": 1}])
def test_a_question_that_is_none_is_not_asked(body: Any, tmp_path: Path) -> None:
    with answering(tmp_path, {"explain": DONE}) as heard, client(tmp_path) as opened:
        assert opened.post("/api/v1/explain", json=body).status_code == 422

    assert heard == []
