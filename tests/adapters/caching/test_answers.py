from __future__ import annotations

import pytest

from addons.caching.answers import given, given_up, response, tell, unchanged
from gateway.cache.messages import Answered
from gateway.cache.status import CacheStatus
from gateway.cache.store import Kept
from tests.unit.cache.exchanges import asked

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


@pytest.mark.parametrize(("method", "body"), [("GET", b"body"), ("HEAD", b"")])
def test_a_kept_answer_states_its_real_length_with_its_content_and_without(method: str, body: bytes) -> None:
    answer = given(kept(), asked(method=method))

    assert (answer.status_code, answer.raw_content) == (200, body)
    assert answer.headers.get_all("content-length") == ["4"]
    assert "age" not in answer.headers
    assert answer.headers["content-type"] == "text/plain"


def test_what_has_no_content_states_no_length() -> None:
    assert "content-length" not in given(kept(204), asked()).headers


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


@pytest.mark.parametrize(
    ("wanted", "status", "body", "said"),
    [
        ("bytes=1-2", 206, b"od", "bytes 1-2/4"),
        ("bytes=-1", 206, b"y", "bytes 3-3/4"),
        ("bytes=9-", 416, b"", "bytes */4"),
        ("bytes=0-1,3-3", 200, b"body", None),
    ],
)
def test_of_a_kept_answer_a_part_can_be_given(wanted: str, status: int, body: bytes, said: str | None) -> None:
    answer = given(kept(), asked(f"Range: {wanted}"))

    assert (answer.status_code, answer.raw_content, answer.headers.get("content-range")) == (status, body, said)
    assert answer.headers["content-length"] == str(len(body))
    assert answer.headers.get("content-type") == (None if status == 416 else "text/plain")
