from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.cache.varying import secondary, varying_names
from tests.unit.cache.exchanges import answered, asked

LANGUAGE = ("accept-language",)


def test_the_names_are_each_there_once_and_in_order() -> None:
    assert varying_names(answered("Vary: B, a", "Vary: A,,")) == ("a", "b")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Accept-Language: de, en",), ("accept-language: de,en",)),
        (("Accept-Language: de, en",), ("Accept-Language: de", "Accept-Language: en")),
        (("Accept-Language: de;  q=1",), ("Accept-Language: de; q=1",)),
        ((), ("Accept-Language:",)),
        (("X: 1",), ("X: 2",)),
    ],
)
def test_how_a_field_is_written_makes_no_difference(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert secondary(asked(*one), LANGUAGE) == secondary(asked(*other), LANGUAGE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Accept-Language: de",), ("Accept-Language: en",)),
        (("Accept-Language: de, en",), ("Accept-Language: en, de",)),
        (("Accept-Language: de",), ()),
    ],
)
def test_what_it_says_makes_one(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert secondary(asked(*one), LANGUAGE) != secondary(asked(*other), LANGUAGE)


def test_what_is_set_apart_is_never_alike() -> None:
    one, other = asked("Accept-Language: de"), replace(asked("Accept-Language: de"), partition="odd")

    assert secondary(one, LANGUAGE) != secondary(other, LANGUAGE)
    assert secondary(one, ()) != secondary(other, ())
