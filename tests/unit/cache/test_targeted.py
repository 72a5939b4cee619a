from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.freshness import explicit_lifetime
from gateway.cache.storing import why_not
from gateway.cache.targeted import targeted
from tests.unit.cache.exchanges import answered, asked


@pytest.mark.parametrize(
    ("said", "lines"),
    [
        ({}, []),
        ({"max-age": ("60",)}, ["max-age=60"]),
        ({"max-age": ("60",), "no-cache": (None,)}, ["max-age=60 ,  no-cache"]),
        ({"max-age": ("60",), "private": (None,)}, ["max-age=60", "private"]),
        ({"max-age": ("9",)}, ["max-age=60, max-age=9;a=b;c"]),
        ({"no-store": (None,)}, ["no-store=?1"]),
        ({"private": ("x-who",)}, ['private="x-who"']),
        ({}, ["max-age=abc"]),
        ({}, ['max-age="60"']),
        ({}, ["max-age"]),
        ({}, ["no-store=?0"]),
        ({}, ["max-age=-1"]),
        ({}, ["max-age=60.5"]),
        ({}, ["max-age = 60"]),
        ({}, ["max-age=60,"]),
        ({}, ["MAX-AGE=60"]),
        ({}, ["max-age=60, &"]),
        ({}, ["max-age=60 no-store"]),
        ({}, [""]),
    ],
)
def test_it_is_read_as_a_dictionary_or_not_at_all(said: dict[str, object], lines: list[str]) -> None:
    assert targeted(answered(*(f"CDN-Cache-Control: {line}" for line in lines)).fields).said == said


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
def test_whatever_stands_there_can_be_looked_at(text: str) -> None:
    assert "" not in targeted(answered(f"CDN-Cache-Control: {text}").fields)


@pytest.mark.parametrize(
    ("lifetime", "fields"),
    [
        (60.0, ("CDN-Cache-Control: max-age=60", "Cache-Control: no-store, max-age=5")),
        (60.0, ("CDN-Cache-Control: max-age=60", "Expires: 0")),
        (None, ("CDN-Cache-Control: no-cache", "Expires: 0", "Cache-Control: max-age=9")),
        (9.0, ("CDN-Cache-Control: broken,", "Cache-Control: max-age=9")),
    ],
)
def test_where_it_says_anything_all_else_counts_for_nothing(lifetime: float | None, fields: tuple[str, ...]) -> None:
    assert explicit_lifetime(answered(*fields)) == lifetime


def test_what_it_forbids_is_not_kept() -> None:
    said = answered("CDN-Cache-Control: private", "Cache-Control: public, max-age=60")

    assert why_not(asked(), said) == "private"
