from __future__ import annotations

import pytest

from gateway.replay.paths import Place, generalised

UUID = "6f1e7a30-9c1d-4a55-8a55-0f4a8d6f2b11"


def _one(path: str, enough: int = 9) -> Place | None:
    return generalised([path], enough)[path]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", Place("is", "/")),
        ("/api/users", Place("is", "/api/users")),
        ("/api/users/", Place("is", "/api/users/")),
        ("/api/users/17/orders", Place("matches", "/api/users/[0-9]+/orders")),
        ("/0123456789abcdef", Place("matches", "/[0-9A-Fa-f]{16,64}")),
        ("/v1.2/a", Place("is", "/v1.2/a")),
        ("/files/%C3%A9", Place("prefix", "/files")),
        ("/reset/REDACTED/x%2Fy", Place("prefix", "/reset/REDACTED")),
        ("/%C3%A9", None),
        ("*", None),
    ],
)
def test_a_path_is_said_as_exactly_as_a_policy_can_say_it(path: str, place: Place | None) -> None:
    assert _one(path) == place


def test_identifiers_become_the_pattern_of_their_kind() -> None:
    place = _one(f"/o/{UUID}")

    assert place is not None
    assert place.operator == "matches"
    assert place.text.startswith("/o/[0-9A-Fa-f]{8}-")
    assert generalised(["/u/1", "/u/2"], 2) == dict.fromkeys(["/u/1", "/u/2"], Place("matches", "/u/[0-9]+"))


def test_many_siblings_become_the_prefix_above_them_and_a_few_do_not() -> None:
    paths = [f"/posts/{slug}" for slug in ("one", "two", "three")]

    assert set(generalised(paths, 4).values()) == {Place("is", path) for path in paths}
    assert set(generalised(paths, 3).values()) == {Place("prefix", "/posts")}


def test_what_lies_deeper_belongs_to_a_prefix_that_was_found() -> None:
    paths = ["/posts/one", "/posts/two", "/posts/two/comments"]

    assert set(generalised(paths, 2).values()) == {Place("prefix", "/posts")}


def test_siblings_below_an_identifier_keep_its_shape() -> None:
    paths = ["/u/1/a", "/u/2/b"]

    assert set(generalised(paths, 2).values()) == {Place("matches", "/u/[0-9]+(/.*)?")}


def test_everything_is_never_the_prefix() -> None:
    paths = [f"/{letter}" for letter in "abcdefgh"]

    assert set(generalised(paths, 2).values()) == {Place("is", path) for path in paths}
