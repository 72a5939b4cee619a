from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.language.loader import MAX_BYTES, MAX_DEPTH, load, scan
from gateway.policy.language.nodes import Mapping, Node, Scalar, Sequence, Unreadable
from gateway.policy.problems import Invalid, Place


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, "true"),
        (False, "false"),
        (None, "null"),
        (None, ""),
        (0, "0"),
        (-7, "-7"),
        (1200, "1200"),
        (1.5, "1.5"),
        (-0.25, "-0.25"),
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("True", "True"),
        ("NULL", "NULL"),
        ("~", "~"),
        ("22:22", "22:22"),
        ("0777", "0777"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("0o17", "0o17"),
        ("+5", "+5"),
        ("1e3", "1e3"),
        (".5", ".5"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("2026-12-31", "2026-12-31"),
        ("=", "="),
        ("9" * 40, "9" * 40),  # too large for a number that anybody means
        ("true", '"true"'),
        ("12", "'12'"),
        ("", '""'),
        ("٣", "٣"),  # a digit, but no decimal number
    ],
)
def test_only_truth_values_null_and_decimal_numbers_have_a_type(value: object, written: str) -> None:
    node = load(f"a: {written}", "x")

    assert isinstance(node, Mapping)
    part = node.get("a")
    assert isinstance(part, Scalar)
    assert (value, type(value)) == (part.value, type(part.value))


def test_every_value_and_key_keeps_its_place() -> None:
    node = load("first: 1\nsecond:\n  - {third: 'x'}\n", "x.yaml")

    assert isinstance(node, Mapping)
    assert node.place == Place("x.yaml", 1, 1)
    assert [(entry.key, entry.place.line, entry.place.column) for entry in node] == [("first", 1, 1), ("second", 2, 1)]
    second = node.get("second")
    assert isinstance(second, Sequence)
    inner = second.items[0]
    assert isinstance(inner, Mapping)
    third = inner.get("third")
    assert isinstance(third, Scalar)
    assert (third.value, third.place) == ("x", Place("x.yaml", 3, 13))


def test_keys_are_always_text() -> None:
    node = load("on: 1\n443: 2\nnull: 3\n'<<': 4", "x")

    assert isinstance(node, Mapping)
    assert [entry.key for entry in node] == ["on", "443", "null", "<<"]


ANCHORS = "anchors and aliases (`&name`, `*name`) are not allowed, repeat the value or name it under `lists`"
TAGS = "tags (`!name`) are not allowed, leave the tag out; a text that begins with `!` needs quotes"


@pytest.mark.parametrize(
    ("problems", "text"),
    [
        (["1:4 " + ANCHORS, "2:4 " + ANCHORS], "a: &x 1\nb: *x"),
        (["1:4 " + ANCHORS], "a: &x [1]"),
        (["1:4 " + ANCHORS], "a: &x {b: 1}"),
        (["1:4 " + TAGS], "a: !!python/object:os.system x"),
        (["1:4 " + TAGS], "a: ! x"),
        (["1:4 " + TAGS], "a: !!set {b: null}"),
        (["1:1 merge keys (`<<`) are not allowed, write the keys out"], "<<: {a: 1}"),
        (["2:1 the key `a` occurs twice, it stands in line 1 already"], "a: 1\na: 2"),
        (["1:8 the key `1` occurs twice, it stands in line 1 already"], "{1: a, '1': b}"),
        (
            ["2:1 a second document begins here, a file holds one: leave out the `---` and what follows it"],
            "a: 1\n---\nb: 2\n---\nc: 3",
        ),
        (
            ["1:1 directives (lines that begin with `%`) are not allowed, leave the line out"],
            "%YAML 1.1\n---\na: 1",
        ),
        (
            ["1:1 directives (lines that begin with `%`) are not allowed, leave the line out"],
            "%TAG !e! tag:x:\n---\na: 1",
        ),
        (["1:3 a key is one line of text, nothing else can be one"], "? [a]\n: b"),
        (["1:1 a key is one line of text, nothing else can be one"], r'"a\nfile.yaml:1:1  a forged line": b'),
        (["1:4 the escape for U+D800 is not allowed, leave it out"], r'a: "\ud800"'),
        (["1:4 the escape for U+0000 is not allowed, leave it out"], r'a: "x\0"'),
        (["1:1 the file is empty"], "# nothing\n"),
        (["1:1 the file is empty"], ""),
    ],
)
def test_what_yaml_could_do_and_a_policy_may_not_is_refused(problems: list[str], text: str) -> None:
    assert problems == _told(text)


def test_all_problems_of_a_file_are_told_at_once_and_the_syntax_last() -> None:
    told = _told("a: &x 1\na: !!str 2\nb: [1")

    assert told == [
        "1:4 " + ANCHORS,
        "2:1 the key `a` occurs twice, it stands in line 1 already",
        "2:4 " + TAGS,
        "3:4 a list is opened with `[` here; a `,` or its `]` is missing",
    ]


def test_a_leading_document_marker_is_no_second_document() -> None:
    node = load("---\na: 1\n...\n", "x")

    assert isinstance(node, Mapping)


def test_depth_is_bounded_before_anything_is_composed() -> None:
    deepest = load("[" * MAX_DEPTH + "]" * MAX_DEPTH, "x")

    assert isinstance(deepest, Sequence)
    for opening in ("[", "{a: ", "- "):
        told = _told(opening * 100_000)
        assert told == [
            f"1:{len(opening) * MAX_DEPTH + 1} more than 32 lists and groups inside one another, no file needs that"
        ]


def test_size_is_bounded_before_anything_is_read() -> None:
    sentence = "1:1 the file is larger than 1024 KiB, move long lists into files of their own"

    assert _told("#" * (MAX_BYTES + 1)) == [sentence]
    assert _told(b"\xff" * (MAX_BYTES + 1)) == [sentence]


def test_what_could_not_be_read_is_marked_so_that_nobody_complains_twice() -> None:
    node, problems = scan("a: *x\nb: &y {c: 1}\nd: 1", "x")

    assert isinstance(node, Mapping)
    assert isinstance(node.get("a"), Unreadable)
    assert isinstance(node.get("b"), Unreadable)
    assert isinstance(node.get("d"), Scalar)
    assert len(problems) == 2


def test_a_key_that_cannot_be_read_takes_its_value_with_it() -> None:
    node, problems = scan("*x : {y: 1}\nb: 2", "x")

    assert isinstance(node, Mapping)
    assert [entry.key for entry in node] == ["b"]
    assert len(problems) == 1


PIECES = st.sampled_from(
    [
        *"[]{}:,-?&*!|>'\"%@`#\\ \n\t",
        "a",
        "b: ",
        "- ",
        "? ",
        "<<",
        "---\n",
        "...\n",
        '"\\U',
        "&x ",
        "*x",
        "!!str ",
        "\r\n",
        "ü",
    ]
)


@given(text=st.lists(PIECES, max_size=60).map("".join))
def test_any_text_is_either_a_value_or_problems_with_places_and_never_another_error(text: str) -> None:
    assert _is_positioned(text)


@given(source=st.binary(max_size=60))
def test_any_bytes_are_either_a_value_or_problems_with_places_and_never_another_error(source: bytes) -> None:
    assert _is_positioned(source)


def _is_positioned(text: str | bytes) -> bool:
    try:
        return _scalars(load(text, "x")) > 0
    except Invalid as invalid:
        return all(
            problem.place.line > 0 and problem.place.column > 0 and problem.message for problem in invalid.problems
        )


def _scalars(node: Node) -> int:
    match node:
        case Sequence():
            return 1 + sum(_scalars(item) for item in node.items)
        case Mapping():
            return 1 + sum(_scalars(entry.value) for entry in node)
        case _:
            return node.place.line


def _told(text: str | bytes) -> list[str]:
    with pytest.raises(Invalid) as caught:
        load(text, "x")
    return [f"{problem.place.line}:{problem.place.column} {problem.message}" for problem in caught.value.problems]
