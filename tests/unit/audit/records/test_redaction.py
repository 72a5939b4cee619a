from __future__ import annotations

import pytest

from gateway.audit.records.redaction import (
    LONGEST_TEXT,
    LONGEST_VALUE,
    mask_fields,
    mask_query,
    mask_sentence,
    mask_text,
    pointer,
)

NOTHING: frozenset[str] = frozenset()


def test_names_are_kept_and_values_are_not() -> None:
    assert mask_query([("q", "birthday of alice"), ("page", "2")], NOTHING) == {"q": "REDACTED", "page": "REDACTED"}


def test_a_listed_name_shows_its_values_and_a_repeated_one_all_of_them() -> None:
    parameters = [("page", "2"), ("q", "x"), ("page", "3"), ("page", "4")]

    assert mask_query(parameters, frozenset({"page"})) == {"page": ["2", "3", "4"], "q": "REDACTED"}


def test_a_credential_is_masked_even_under_a_listed_name() -> None:
    assert mask_query([("page", "AKIAIOSFODNN7EXAMPLE")], frozenset({"page"})) == {"page": "REDACTED"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AKIAIOSFODNN7EXAMPLE", ""),
        ("mysecretpassphrase-of-some-length", ""),
        ('{"password":"hunter2"}', ""),
        ("user:pw@host", "x"),
        ("a;token=s3cret", "x"),
        ("n" * 65, "x"),
        ("", "s3cret"),
    ],
)
def test_a_value_in_the_place_of_a_name_is_masked(name: str, value: str) -> None:
    assert mask_query([(name, value)], NOTHING) == {"REDACTED": "REDACTED"}


def test_a_bare_flag_keeps_its_name() -> None:
    assert mask_query([("debug", "")], NOTHING) == {"debug": "REDACTED"}


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("host `REDACTED`: spaces are not allowed", "host `exa mple`: spaces are not allowed"),
        ("host `REDACTED`: no", "host `a`s3cret`b`: no"),
        ("host `REDACTED`", "host `never closed s3cret"),
        ("nothing quoted", "nothing quoted"),
    ],
)
def test_what_a_sentence_quotes_is_masked(wanted: str, sentence: str) -> None:
    assert wanted == mask_sentence(sentence)


def test_a_long_text_is_cut_and_says_so() -> None:
    text = "/" + "a/" * LONGEST_TEXT

    assert mask_text(text) == text[:LONGEST_TEXT] + "..."


def test_of_fields_only_those_that_are_listed_are_kept_and_they_are_cut() -> None:
    fields = [("accept", "a"), ("x-long", "words " * 200), ("accept", "b"), ("cookie", "s=1")]

    kept = mask_fields(fields, frozenset({"accept", "x-long"}))

    assert kept["accept"] == ["a", "b"]
    assert (list(kept), len(kept["x-long"])) == (["accept", "x-long"], LONGEST_VALUE)


def test_a_name_is_pointed_at_whatever_stands_in_it() -> None:
    assert pointer("a/b~c") == "a~1b~0c"
