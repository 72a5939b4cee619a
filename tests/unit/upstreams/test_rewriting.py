from __future__ import annotations

import pytest

from gateway.upstreams.rewriting import Rewriting

STRIP, REPLACE, PUT = Rewriting("/api", ""), Rewriting("/api", "/v1"), Rewriting("", "/v1")


@pytest.mark.parametrize(
    ("sent", "rewriting", "judged"),
    [
        ("/", STRIP, "/api"),
        ("/", STRIP, "/api/"),
        ("/items/7", STRIP, "/api/items/7"),
        ("/a%2Fb", STRIP, "/api/a%2Fb"),
        ("/v1", REPLACE, "/api"),
        ("/v1/", REPLACE, "/api/"),
        ("/v1/items", REPLACE, "/api/items"),
        ("/v1/", PUT, "/"),
        ("/v1/x", PUT, "/x"),
        # no whole segment, so not below it
        ("/apiary", STRIP, "/apiary"),
        ("/api;x/y", REPLACE, "/api;x/y"),
        ("*", PUT, "*"),
    ],
)
def test_whole_segments_at_the_beginning_are_replaced(sent: str, rewriting: Rewriting, judged: str) -> None:
    assert sent == rewriting.there(judged)


@pytest.mark.parametrize(
    ("public", "rewriting", "named"),
    [
        ("/api/", STRIP, "/"),
        ("/api/items/7", STRIP, "/items/7"),
        ("/api", REPLACE, "/v1"),
        ("/api/x", REPLACE, "/v1/x"),
        ("/", PUT, "/v1"),
        ("/x", PUT, "/v1/x"),
        # not what was put there: nothing that the client could ask for
        ("/login", REPLACE, "/login"),
        ("/v10", REPLACE, "/v10"),
        ("items/7", STRIP, "items/7"),
        ("", STRIP, ""),
    ],
)
def test_what_the_upstream_names_is_found_under_the_path_of_the_client(
    public: str, rewriting: Rewriting, named: str
) -> None:
    assert public == rewriting.back(named)


@pytest.mark.parametrize("named", ["/v1//evil.example/", "/v1/\\evil.example"])
def test_no_path_becomes_another_host_on_its_way_back(named: str) -> None:
    assert named == PUT.back(named)


def test_it_says_what_becomes_of_what() -> None:
    assert [str(each) for each in (STRIP, REPLACE, PUT)] == ["/api sent as /", "/api sent as /v1", "/ sent as /v1"]
