from __future__ import annotations

import pytest

from gateway.policy.language.scalars import BOOLEAN, DURATION, PERCENT, RULE_ID, SIZE, choice, integer, sentence, text
from tests.reading import complaints, value

NAME = text("a name", longest=10)
COLOUR = choice(("red", "green"))
PORT = integer(1, 65535, "a port, like `443`")


@pytest.mark.parametrize(
    ("wanted", "yaml"),
    [("alice", "alice"), ("1001", "1001"), ("true", "true"), ("0777", "0777"), ("a b", "' a b '"), ("no", "no")],
)
def test_a_text_is_what_is_written_whatever_it_looks_like(wanted: str, yaml: str) -> None:
    assert wanted == value(NAME, yaml)


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        ("nothing cannot stand here, here belongs a name", "null"),
        ("an empty text cannot stand here, here belongs a name", "''"),
        ("a list cannot stand here, here belongs a name", "[a]"),
        ("a group of keys cannot stand here, here belongs a name", "{a: b}"),
        ("the text is longer than 10 characters, shorten it", "abcdefghijk"),
        ("the text holds a tab or a line break, here belongs a name", '"a\\nb"'),
        ("the text holds a tab or a line break, here belongs a name", '"a\\tb"'),
    ],
)
def test_what_is_no_text_is_refused(said: str, yaml: str) -> None:
    assert [said] == complaints(NAME, yaml)


def test_a_sentence_may_run_over_lines_and_becomes_one() -> None:
    assert value(sentence("a sentence"), ">\n  Ask your\n  manager\n") == "Ask your manager"
    assert complaints(sentence("a sentence"), "' '") == ["` ` cannot stand here, here belongs a sentence"]


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        ("`gren` is unknown here, did you mean `green`?", "gren"),
        ("`x` is unknown here, known are `red`, `green`", "x"),
        ("a list cannot stand here, here belongs one of `red`, `green`", "[red]"),
        ("nothing cannot stand here, here belongs one of `red`, `green`", "null"),
    ],
)
def test_a_choice_has_no_other_words(said: str, yaml: str) -> None:
    assert value(COLOUR, "red") == "red"
    assert [said] == complaints(COLOUR, yaml)


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        ("`yes` is neither true nor false, did you mean `true`?", "yes"),
        ("`off` is neither true nor false, did you mean `false`?", "off"),
        ("`True` is neither true nor false, did you mean `true`?", "True"),
        ("`1` is neither true nor false, write `true` or `false`", "1"),
        ("a list is neither true nor false, write `true` or `false`", "[true]"),
    ],
)
def test_only_true_and_false_are_truth_values(said: str, yaml: str) -> None:
    assert value(BOOLEAN, "true") is True
    assert value(BOOLEAN, "false") is False
    assert [said] == complaints(BOOLEAN, yaml)


def test_a_truth_value_in_quotes_is_a_text() -> None:
    assert complaints(BOOLEAN, "'true'") == ["`true` is neither true nor false, write it without quotes"]


@pytest.mark.parametrize("yaml", ["0", "65536", "1.0", "'443'", "true", "0443", "[443]", "null"])
def test_a_whole_number_keeps_its_bounds_and_is_no_text(yaml: str) -> None:
    assert value(PORT, "443") == 443
    assert complaints(PORT, yaml)[0].endswith(" cannot stand here, here belongs a port, like `443`")


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        ("`No Upload`: use small letters, digits and single hyphens, like `no-upload`", "No Upload"),
        ("`no_upload`: use small letters, digits and single hyphens, like `no-upload`", "no_upload"),
        ("`a--b`: use small letters, digits and single hyphens, like `a-b`", "a--b"),
        ("`-a`: use small letters, digits and single hyphens, like `a`", "-a"),
        ("`Ü`: use small letters, digits and single hyphens", "Ü"),
        ("`builtin-x`: ids that begin with `builtin-` belong to the gateway, choose another", "builtin-x"),
        ("a list is no name, here belongs an id, like `no-uploads`", "[a]"),
    ],
)
def test_ids_are_plain_and_none_of_the_gateway_itself(said: str, yaml: str) -> None:
    assert value(RULE_ID, "ex-041") == "ex-041"
    assert [said] == complaints(RULE_ID, yaml)


def test_an_id_has_a_length_that_fits_a_line() -> None:
    assert value(RULE_ID, "a" * 64) == "a" * 64
    assert len(complaints(RULE_ID, "a" * 65)) == 1


def test_numbers_with_units_are_read_as_texts_are() -> None:
    assert value(SIZE, "10MB") == 10_000_000
    assert value(SIZE, "512") == 512
    assert value(DURATION, "7d") == 604800.0
    assert value(PERCENT, "30%") == pytest.approx(0.3)
    assert complaints(SIZE, "much") == ["`much` is no size, write a whole number with a unit, like `10MB` or `32KiB`"]


def test_a_word_that_an_editor_takes_for_a_number_is_offered_as_both() -> None:
    assert choice(("1", "1.2", "h2")).schema == {"enum": ["1", 1, "1.2", 1.2, "h2"]}
