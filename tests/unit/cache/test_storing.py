from __future__ import annotations

import pytest

from gateway.cache.storing import kept_fields, why_not
from tests.unit.cache.exchanges import DATE, answered, asked

FRESH = "Cache-Control: max-age=60"


@pytest.mark.parametrize(
    ("why", "fields"),
    [
        (None, (FRESH,)),
        (None, ("ETag: x",)),
        (None, (f"Last-Modified: {DATE}",)),
        (None, (f"Expires: {DATE}",)),
        (None, ("Cache-Control: public",)),
        (None, ("Cache-Control: no-cache", "ETag: x")),
        (None, ("Cache-Control: no-store, must-understand, max-age=5",)),
        (None, ('Cache-Control: private="X-Who", max-age=5',)),
        ("no lifetime", ()),
        ("no-store", ("Cache-Control: no-store, max-age=5",)),
        ("private", ("Cache-Control: private, max-age=5",)),
        ("cookie", (FRESH, "Set-Cookie: a=b")),
        ("vary", (FRESH, "Vary: *")),
        ("vary", (FRESH, "Vary: Accept, *")),
    ],
)
def test_what_an_answer_says_of_itself_decides_whether_it_is_kept(why: str | None, fields: tuple[str, ...]) -> None:
    assert why_not(asked(), answered(*fields)) == why


@pytest.mark.parametrize(
    ("why", "status", "fields"),
    [
        (None, 404, (FRESH,)),
        (None, 301, (FRESH,)),
        (None, 418, (FRESH,)),
        (None, 302, (FRESH,)),
        ("no lifetime", 302, ("ETag: x",)),
        ("status", 418, ("ETag: x",)),
        ("must-understand", 418, ("Cache-Control: max-age=5, must-understand",)),
        ("partial", 206, (FRESH,)),
        ("partial", 304, (FRESH,)),
        ("partial", 103, (FRESH,)),
    ],
)
def test_the_status_decides_too(why: str | None, status: int, fields: tuple[str, ...]) -> None:
    assert why_not(asked(), answered(*fields, status=status)) == why


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("authorization", "max-age=5"),
        (None, "max-age=5, public"),
        (None, "s-maxage=5"),
        ("authorization", "max-age=5, must-revalidate"),
        ("private", "private, s-maxage=5"),
    ],
)
def test_an_answer_to_somebody_who_showed_who_he_is_is_kept_only_if_it_says_so(why: str | None, said: str) -> None:
    assert why_not(asked("Authorization: Basic x"), answered(f"Cache-Control: {said}")) == why


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "get"])
def test_only_answers_to_get_are_kept(method: str) -> None:
    assert why_not(asked(method=method), answered(FRESH)) == "method"


def test_a_client_can_forbid_it() -> None:
    assert why_not(asked("Cache-Control: no-store"), answered(FRESH)) == "no-store"


def test_fields_of_the_connection_and_private_ones_are_not_kept() -> None:
    answer = answered(
        'Cache-Control: max-age=5, private="X-Who", no-cache="X-Once"',
        "Connection: close, X-Hop",
        *("X-Hop: 1", "X-Who: me", "X-Once: 1", "Keep-Alive: 5", "Transfer-Encoding: chunked", "X-Kept: 1"),
    )

    assert [name for name, _ in kept_fields(answer)] == [b"Cache-Control", b"X-Kept"]


@pytest.mark.parametrize(
    ("why", "said"),
    [("cookie", "max-age=5"), (None, "max-age=5, public"), (None, "s-maxage=5"), ("private", "private")],
)
def test_an_answer_to_a_request_with_a_cookie_is_kept_only_if_it_says_so(why: str | None, said: str) -> None:
    assert why_not(asked("Cookie: who=alice"), answered(f"Cache-Control: {said}")) == why
