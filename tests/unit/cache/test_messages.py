from __future__ import annotations

import pytest

from tests.unit.cache.exchanges import DATE, NOW, answered, asked


def test_the_key_is_the_whole_address_and_not_the_method() -> None:
    assert asked(target="/a?b=c").key == "https://shop.example/a?b=c"
    assert asked(method="POST").key == asked().key


@pytest.mark.parametrize(
    ("fields", "asks"),
    [
        (("Pragma: no-cache",), True),
        (("Pragma: No-Cache, x",), True),
        (("Pragma: no-cache", "Cache-Control: max-age=5"), False),
        (("Pragma: x",), False),
        ((), False),
    ],
)
def test_pragma_counts_only_where_cache_control_says_nothing(fields: tuple[str, ...], *, asks: bool) -> None:
    assert ("no-cache" in asked(*fields).directives) is asks


def test_an_answer_was_made_when_it_says_else_when_it_came() -> None:
    assert answered(f"Date: {DATE}", came_at=NOW + 60).generated_at == NOW
    assert answered(came_at=NOW + 60).generated_at == NOW + 60
    assert answered("Date: yesterday", came_at=NOW + 60).generated_at == NOW + 60


def test_a_field_that_stands_twice_has_no_one_value() -> None:
    answer = answered("ETag: a", "ETag: b", "Age: 1")

    assert (answer.one("etag"), answer.one("age"), answer.one("expires")) == (None, "1", None)
