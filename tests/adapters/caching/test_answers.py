from __future__ import annotations

import pytest

from addons.caching.answers import given, given_up, response, tell, unchanged
from gateway.cache.messages import Answered
from gateway.cache.status import CacheStatus
from gateway.cache.store import Kept

RAW = (
    (b"Content-Type", b"text/plain"),
    (b"Content-Length", b"99"),
    (b"Age", b"7"),
    (b"ETag", b'"a"'),
    (b"Vary", b"Accept"),
    (b"X-Other", b"1"),
)


def kept(status: int = 200) -> Kept:
    return Kept(Answered(status, RAW, 0.0, 0.0), b"body")


@pytest.mark.parametrize(("with_body", "body"), [(True, b"body"), (False, b"")])
def test_a_kept_answer_states_its_real_length_with_its_content_and_without(*, with_body: bool, body: bytes) -> None:
    answer = given(kept(), with_body=with_body)

    assert (answer.status_code, answer.raw_content) == (200, body)
    assert answer.headers.get_all("content-length") == ["4"]
    assert "age" not in answer.headers
    assert answer.headers["content-type"] == "text/plain"


def test_what_has_no_content_states_no_length() -> None:
    assert "content-length" not in given(kept(204), with_body=True).headers


def test_who_has_it_already_is_told_what_holds_of_it_and_no_more() -> None:
    answer = unchanged(kept())

    assert (answer.status_code, answer.raw_content) == (304, b"")
    assert dict(answer.headers.fields) == {b"ETag": b'"a"', b"Vary": b"Accept"}


def test_who_wants_only_what_is_kept_is_told_that_nothing_is() -> None:
    answer = given_up()

    assert (answer.status_code, answer.headers["cache-control"], answer.raw_content) == (504, "no-store", b"")


def test_the_age_replaces_what_was_said_before_and_the_status_is_added() -> None:
    answer = response(200, [(b"Age", b"7"), (b"Cache-Status", b"inner; hit")], b"")

    tell(answer, CacheStatus(hit=True, left=5), 9.9)

    assert answer.headers.get_all("age") == ["9"]
    assert [value for name, value in answer.headers.fields if name == b"Cache-Status"] == [
        b"inner; hit",
        b"gateway; hit; ttl=5",
    ]


def test_an_answer_of_the_origin_keeps_the_age_that_it_came_with() -> None:
    answer = response(200, [(b"Age", b"7")], b"")

    tell(answer, CacheStatus(forwarded="uri-miss"), None)

    assert answer.headers["age"] == "7"
