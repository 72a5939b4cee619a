from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from gateway.policy.errors import Malformed
from gateway.policy.language.records import Values, at_least_one_of, one_of, only_with, optional, record, required
from gateway.policy.language.scalars import BOOLEAN, integer, text
from tests.reading import complaints, value

if TYPE_CHECKING:
    from gateway.policy.language.shapes import Read, Shape


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    age: int | None
    admin: bool


NAME = required("name", text("a name"), "What the person is called.")
AGE = optional("age", integer(0, 150), "How old the person is.", None)
ADMIN = optional("admin", BOOLEAN, "Whether the person may do everything.", default=False)


def _person(values: Values) -> Read[Person]:
    if values[AGE] == 149:
        raise Malformed("nobody is that old")
    if values.has(ADMIN) and values[NAME] == "nobody":
        return values.spot.complain("nobody may do everything")
    return Person(values[NAME], values[AGE], values[ADMIN])


PERSON: Shape[Person] = record(
    (NAME, AGE, ADMIN),
    _person,
    wanted="a person, like `{name: alice}`",
    also=lambda key: "people have no shoe size here" if key == "shoes" else None,
)


def test_keys_are_read_and_those_left_out_have_their_default() -> None:
    assert value(PERSON, "{name: alice, age: 30, admin: true}") == Person("alice", 30, admin=True)
    assert value(PERSON, "{name: alice}") == Person("alice", None, admin=False)


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        (["unknown key `nam`, did you mean `name`?", "`name` is missing, here belongs a name"], "{nam: alice}"),
        (["unknown key `x`, known are `name`, `age`, `admin`"], "{name: a, x: 1}"),
        (["people have no shoe size here"], "{name: a, shoes: 42}"),
        (
            [
                "name: a list cannot stand here, here belongs a name",
                "admin: `1` is neither true nor false, write `true` or `false`",
            ],
            "{name: [a], admin: 1}",
        ),
        (["a list cannot stand here, here belongs a person, like `{name: alice}`"], "[a]"),
        (["nobody may do everything"], "{name: nobody, admin: true}"),
        (["nobody is that old"], "{name: a, age: 149}"),
    ],
)
def test_every_mistake_in_a_group_is_told(said: list[str], yaml: str) -> None:
    assert said == complaints(PERSON, yaml)


def test_a_file_of_another_kind_is_not_guessed_at_for_ever() -> None:
    said = complaints(PERSON, "\n".join(["name: a", *(f"k{number}: 1" for number in range(1000))]))

    assert len(said) == 51
    assert said[-1] == "and 950 more unknown keys"


WEIGHT = optional("kilos", integer(1, 300), "In kilograms.", None)
STONES = optional("stones", integer(1, 50), "In stones.", None)
ROUNDED = optional("rounded", BOOLEAN, "Whether it is exact.", default=False)


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        (["one of `kilos`, `stones` is missing: say how heavy"], "{}"),
        (["`kilos`, `stones` cannot stand together: say how heavy"], "{kilos: 1, stones: 1}"),
        (
            [
                "one of `kilos`, `stones` is missing: say how heavy",
                "`rounded` needs `kilos` beside it: stones are exact",
            ],
            "{rounded: true}",
        ),
        (["`rounded` needs `kilos` beside it: stones are exact"], "{stones: 3, rounded: true}"),
    ],
)
def test_rules_look_at_which_keys_stand_together(said: list[str], yaml: str) -> None:
    weight = record(
        (WEIGHT, STONES, ROUNDED),
        lambda values: values[WEIGHT] or values[STONES] or 0,
        wanted="a weight",
        rules=(one_of("kilos", "stones", why="say how heavy"), only_with("kilos", "rounded", why="stones are exact")),
    )

    assert value(weight, "{kilos: 80, rounded: true}") == 80
    assert said == complaints(weight, yaml)


def test_at_least_one_key_may_be_enough() -> None:
    weight = record(
        (WEIGHT, STONES),
        lambda values: (values[WEIGHT], values[STONES]),
        wanted="a weight",
        rules=(at_least_one_of("kilos", "stones", why="say how heavy"),),
    )

    assert value(weight, "{kilos: 80, stones: 12}") == (80, 12)
    assert complaints(weight, "{}") == ["one of `kilos`, `stones` is missing: say how heavy"]


def test_the_schema_knows_the_keys_and_what_they_are_for() -> None:
    assert PERSON.schema["required"] == ["name"]
    assert PERSON.schema["additionalProperties"] is False
    assert PERSON.schema["properties"]["age"] == {
        "type": "integer",
        "minimum": 0,
        "maximum": 150,
        "description": "How old the person is.",
    }
