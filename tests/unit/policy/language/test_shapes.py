from __future__ import annotations

import pytest

from gateway.policy.errors import Malformed
from gateway.policy.language.loader import load
from gateway.policy.language.nodes import Unreadable
from gateway.policy.language.scalars import BOOLEAN, integer, kebab, text
from gateway.policy.language.shapes import WRONG, Spot, by_kind, described, mapping, pointer, sequence
from gateway.policy.problems import Place
from tests.reading import complaints, read, value

WORD = text("a word")
WORDS = sequence(WORD, "[a, b]")
AGES = mapping(kebab("a name"), integer(0, 150), "ages, like `{alice: 30}`")


@pytest.mark.parametrize(
    ("shown", "yaml"),
    [
        ("nothing", "null"),
        ("an empty text", "''"),
        ("`x`", "x"),
        ("`1`", "1"),
        ("a list", "[a]"),
        ("a group of keys", "{a: b}"),
    ],
)
def test_what_stands_there_is_described_without_words_of_the_trade(shown: str, yaml: str) -> None:
    assert shown == described(load(yaml, "x"))


def test_a_list_is_read_item_by_item_and_every_bad_one_is_told() -> None:
    assert value(WORDS, "[a, b]") == ("a", "b")
    assert complaints(WORDS, "[a, [b], {c: d}]") == [
        "[1]: a list cannot stand here, here belongs a word",
        "[2]: a group of keys cannot stand here, here belongs a word",
    ]


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        ("`a` is no list, write it as a list, `[a]`", "a"),
        ("a group of keys is no list, here belongs a list, like `[a, b]`", "{a: b}"),
        ("nothing is no list, here belongs a list, like `[a, b]`", "null"),
        ("the list is empty, here belongs a list, like `[a, b]`", "[]"),
    ],
)
def test_what_is_no_list_is_told_how_to_become_one(said: str, yaml: str) -> None:
    assert [said] == complaints(WORDS, yaml)


def test_some_lists_may_be_empty() -> None:
    assert value(sequence(WORD, "[a]", may_be_empty=True), "[]") == ()


def test_free_names_are_read_and_so_are_their_values() -> None:
    assert value(AGES, "{alice: 30, bob: 31}") == {"alice": 30, "bob": 31}
    assert complaints(AGES, "{Alice: 30, bob: x}") == [
        "Alice: `Alice`: use small letters, digits and single hyphens, like `alice`",
        "bob: `x` cannot stand here, here belongs a whole number from 0 to 150",
    ]
    assert complaints(AGES, "[alice]") == ["a list cannot stand here, here belongs ages, like `{alice: 30}`"]


def test_a_shape_may_depend_on_what_somebody_wrote() -> None:
    either = by_kind("a word or a list of words", scalar=WORD.then(lambda word: (word,)), sequence=WORDS)

    assert value(either, "a") == ("a",)
    assert value(either, "[a, b]") == ("a", "b")
    assert complaints(either, "[[a]]") == ["[0]: a list cannot stand here, here belongs a word"]
    assert complaints(either, "{a: b}") == ["a group of keys cannot stand here, here belongs a word or a list of words"]
    assert complaints(either, "null") == ["nothing cannot stand here, here belongs a word or a list of words"]


def test_what_a_further_parser_says_is_complained_about_at_the_place() -> None:
    def refuse(word: str) -> int:
        raise Malformed(f"`{word}` is odd")

    result, problems = read(WORD.then(refuse), "\n  x")

    assert result is WRONG
    assert [str(problem) for problem in problems] == ["p.yaml:2:3  `x` is odd"]


def test_a_further_parser_never_sees_what_was_wrong_before() -> None:
    assert complaints(WORD.then(len), "[x]") == ["a list cannot stand here, here belongs a word"]


@pytest.mark.parametrize("shape", [WORD, BOOLEAN, WORDS, AGES], ids=["word", "boolean", "words", "ages"])
def test_nobody_complains_about_what_was_complained_about_already(shape: object) -> None:
    assert hasattr(shape, "read")
    place = Place("x", 1, 1)
    spot = Spot(place, "", [], {})

    assert shape.read(Unreadable(place), spot) is WRONG
    assert spot.problems == []


def test_paths_lead_through_keys_and_items() -> None:
    node = load("a", "x")
    spot = Spot(node.place, "", [], {})

    assert spot.key("rules", node).item(2, node).key("when", node).path == "rules[2].when"


def test_schemas_say_what_the_shapes_say() -> None:
    assert WORDS.schema == {"type": "array", "items": WORD.schema, "minItems": 1}
    assert AGES.schema["additionalProperties"] == {"type": "integer", "minimum": 0, "maximum": 150}
    assert by_kind("x", scalar=WORD, sequence=WORDS).schema == {"anyOf": [WORD.schema, WORDS.schema]}
    assert WORD.then(len, type="string").schema == {"type": "string"}
    assert pointer("block") == {"$ref": "#/$defs/block"}
