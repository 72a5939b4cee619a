from __future__ import annotations

import pytest

from gateway.policy.language.suggestions import MANY, listed, nearest, way_out


@pytest.mark.parametrize(
    ("meant", "word"),
    [("method", "methd"), ("method", "METHOD"), ("client.ip", "clientip"), (None, "zzz"), (None, "")],
)
def test_the_nearest_word_is_what_was_probably_meant(meant: str | None, word: str) -> None:
    assert meant == nearest(word, ["method", "client.ip", "host"])


@pytest.mark.parametrize(
    ("said", "word", "known"),
    [
        (", did you mean `allow`?", "alow", ["allow", "deny"]),
        (", known are `allow`, `deny`", "zzz", ["allow", "deny"]),
        ("", "zzz", []),
        ("", "zzz", [str(number) for number in range(MANY + 1)]),
    ],
)
def test_the_way_out_names_one_word_or_the_few_that_there_are(said: str, word: str, known: list[str]) -> None:
    assert said == way_out(word, known)


def test_words_are_listed_in_backticks() -> None:
    assert listed(["a", "b"]) == "`a`, `b`"
