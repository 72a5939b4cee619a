from __future__ import annotations

import pytest

from gateway.cache.validation import confirms, freshened, is_unchanged, outdated_by, questions
from tests.unit.cache.exchanges import DATE, NOW, answered, asked

OLDER = "Sun, 09 Sep 2001 01:45:40 GMT"


def test_an_answer_is_asked_about_with_every_validator_that_it_has() -> None:
    assert questions(answered('ETag: "a"', f"Last-Modified: {DATE}")) == (
        (b"If-None-Match", b'"a"'),
        (b"If-Modified-Since", DATE.encode()),
    )
    assert questions(answered()) == ()
    assert questions(answered("ETag: a", "ETag: b")) == ()


@pytest.mark.parametrize(
    ("reply", "kept", "confirmed"),
    [
        (('ETag: "a"',), ('ETag: "a"',), True),
        (('ETag: "b"',), ('ETag: "a"',), False),
        (('ETag: "a"',), (), False),
        (('ETag: W/"a"',), ('ETag: W/"a"',), True),
        (('ETag: W/"a"',), ('ETag: "a"',), True),
        ((f"Last-Modified: {DATE}",), (f"Last-Modified: {DATE}",), True),
        ((f"Last-Modified: {DATE}",), (f"Last-Modified: {OLDER}",), False),
        ((), ('ETag: "a"',), True),
    ],
)
def test_a_304_speaks_of_the_answer_whose_validator_it_names(
    reply: tuple[str, ...], kept: tuple[str, ...], *, confirmed: bool
) -> None:
    assert confirms(answered(*reply, status=304), answered(*kept)) is confirmed


def test_a_304_renews_the_fields_and_the_age_and_leaves_the_content_alone() -> None:
    kept = answered("Cache-Control: max-age=1", "X: old", "Content-Type: text/plain", "Content-Length: 5", "Y: kept")
    reply = answered("cache-control: max-age=9", "X: new", "Content-Type: x/y", "Content-Length: 0", came_at=NOW + 50)

    new = freshened(kept, reply)

    assert [(name.lower(), value) for name, value in new.raw] == [
        (b"content-type", b"text/plain"),
        (b"content-length", b"5"),
        (b"y", b"kept"),
        (b"cache-control", b"max-age=9"),
        (b"x", b"new"),
    ]
    assert (new.status, new.came_at) == (200, NOW + 50)


@pytest.mark.parametrize(
    ("asks", "unchanged"),
    [
        (('If-None-Match: "a"',), True),
        (('If-None-Match: W/"a"',), True),
        (('If-None-Match: "b", "a"',), True),
        (('If-None-Match: "b", "c,\\"a"',), False),
        (("If-None-Match: *",), True),
        (('If-None-Match: "b"', f"If-Modified-Since: {DATE}"), False),
        ((f"If-Modified-Since: {DATE}",), True),
        ((f"If-Modified-Since: {OLDER}",), False),
        (("If-Modified-Since: today",), False),
        ((f"If-Modified-Since: {DATE}", f"If-Modified-Since: {DATE}"), False),
        ((), False),
    ],
)
def test_a_client_is_told_when_it_has_the_answer_already(asks: tuple[str, ...], *, unchanged: bool) -> None:
    kept = answered('ETag: "a"', f"Last-Modified: {DATE}")

    assert is_unchanged(asked(*asks), kept, NOW) is unchanged


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        ((), ()),
        (("Location: /y",), ("/y",)),
        (("Location: y?z#f",), ("/y?z",)),
        (("Content-Location: https://SHOP.example/y",), ("/y",)),
        (("Location: https://shop.example",), ("/",)),
        (("Location: https://other.example/y",), ()),
        (("Location: //other.example/y",), ()),
        (("Location: http://shop.example/y",), ()),
        (("Location: https://shop.example:8443/y",), ()),
        (("Location: https://shop.example@other.example/y",), ()),
        (("Location: https://[/y",), ()),
    ],
)
def test_an_unsafe_method_outdates_its_target_and_what_it_names_under_the_same_authority(
    fields: tuple[str, ...], keys: tuple[str, ...]
) -> None:
    outdated = outdated_by(asked(method="POST"), answered(*fields))

    assert outdated == ("https://shop.example/x", *(f"https://shop.example{key}" for key in keys))


@pytest.mark.parametrize(
    ("method", "status"), [("GET", 200), ("HEAD", 200), ("OPTIONS", 200), ("POST", 400), ("PUT", 500)]
)
def test_what_changes_nothing_outdates_nothing(method: str, status: int) -> None:
    assert outdated_by(asked(method=method), answered(status=status)) == ()
