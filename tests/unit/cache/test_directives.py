from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.directives import MOST, Directives
from gateway.policy.headers import Fields


def said(*lines: str) -> Directives:
    return Directives.of(Fields.of([("Cache-Control", line) for line in lines]))


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        (("max-age=60",), 60),
        (("MAX-AGE=60",), 60),
        (("public, max-age=60",), 60),
        (("public ,max-age=60,x",), 60),
        (('max-age="60"',), 60),
        (("max-age=60", "max-age=30"), 30),
        (("max-age=60, max-age=30",), 30),
        (("max-age=0060",), 60),
        (("max-age=99999999999999999999",), MOST),
        (("max-age=-1",), 0),
        (("max-age=1.5",), 0),
        (("max-age=abc",), 0),
        (("max-age=",), 0),
        (("max-age",), 0),
        (("max-age = 60",), 0),
        (("max-age=٣",), 0),
        (("x-max-age=60",), None),
        (('ext="max-age=60"',), None),
        (('ext="a, max-age=60, b"',), None),
        ((), None),
    ],
)
def test_a_number_is_read_on_the_safe_side(lines: tuple[str, ...], seconds: int | None) -> None:
    assert said(*lines).seconds("max-age") == seconds


def test_max_stale_without_a_number_has_none() -> None:
    assert "max-stale" in said("max-stale")
    assert said("max-stale").seconds("max-stale") is None
    assert said("max-stale=5").seconds("max-stale") == 5


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("no-cache", None),
        ("no-cache=", None),
        ('no-cache=""', None),
        ('no-cache="Set-Cookie"', {"set-cookie"}),
        ('no-cache="a, B"', {"a", "b"}),
        ("no-cache=a", {"a"}),
        ('no-cache="a", no-cache', None),
        ("public", None),
    ],
)
def test_a_directive_for_some_fields_names_them(line: str, names: set[str] | None) -> None:
    assert said(line).names("no-cache") == names


@given(st.lists(st.text(max_size=20), max_size=4))
def test_no_field_is_so_odd_that_it_cannot_be_read(lines: list[str]) -> None:
    readable = [line for line in lines if line.isprintable()]

    assert (said(*readable).seconds("max-age") or 0) >= 0
