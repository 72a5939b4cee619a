from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.logs.lines import Line

NOON = 1_700_000_000.25
READY = Line(time=NOON, level="info", part="wicketgate", sentence="ready: forward 127.0.0.1:8080")


def test_a_sentence_is_said_to_people_as_it_always_was() -> None:
    assert READY.written("text") == "wicketgate: ready: forward 127.0.0.1:8080\n"


def test_programs_get_one_object_a_line() -> None:
    assert json.loads(READY.written("json")) == {
        "time": "2023-11-14T22:13:20.250000Z",
        "level": "info",
        "part": "wicketgate",
        "sentence": "ready: forward 127.0.0.1:8080",
    }


def test_the_cause_and_the_number_of_those_held_back_are_told() -> None:
    line = Line(time=NOON, level="error", part="x", sentence="it failed", cause="KeyError in x/y.py:3", repeated=7)

    assert line.as_text() == "wicketgate: it failed (KeyError in x/y.py:3) [said 7 more times meanwhile]"
    assert json.loads(line.as_json()) | {"time": ""} == {
        "time": "",
        "level": "error",
        "part": "x",
        "sentence": "it failed",
        "cause": "KeyError in x/y.py:3",
        "repeated": 7,
    }


@given(st.text(), st.text() | st.none())
def test_nothing_breaks_a_line_or_moves_a_cursor(sentence: str, cause: str | None) -> None:
    line = Line(time=NOON, level="info", part="x", sentence=sentence, cause=cause)

    assert line.as_text().isprintable() or not any(ord(letter) < 32 or letter == "\x7f" for letter in line.as_text())
    assert len(line.written("text").splitlines()) == 1
    assert len(line.written("json").splitlines()) == 1
    assert json.loads(line.as_json())["sentence"] == sentence


@pytest.mark.parametrize(
    ("shown", "sent"), [(r"\n", "\n"), (r"\x1b", "\x1b"), (r"\x9b", "\x9b"), (r"\u2028", "\u2028")]
)
def test_what_a_terminal_would_obey_is_shown_escaped(shown: str, sent: str) -> None:
    assert Line(time=NOON, level="info", part="x", sentence=f"a{sent}b").as_text() == f"wicketgate: a{shown}b"
