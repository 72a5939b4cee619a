from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.errors import Malformed
from gateway.policy.language.patterns import MAX_LENGTH, Pattern

MATCHES, MISSES = True, False


@pytest.mark.parametrize(
    ("wanted", "pattern", "value"),
    [
        (MATCHES, "/admin", "/admin"),
        (MISSES, "/admin", "/admin/x"),
        (MISSES, "/admin", "/x/admin"),
        (MISSES, "/a|/b", "/a/b"),  # anchored around the whole, not around the last alternative
        (MATCHES, "/a|/b", "/b"),
        (MATCHES, "/admin/.*", "/admin/x\n"),  # a line feed hides nothing
        (MATCHES, "/admin/.*", "/admin/\udcff"),  # neither does a character that is none
        (MATCHES, "(?i)/admin", "/ADMIN"),
        (MISSES, "/admin", "/ADMIN"),
        (MATCHES, "/ü[0-9]+", "/ü12"),
        (MATCHES, r"a\$", "a$"),
        (MATCHES, r"\Aa\z", "a"),
    ],
)
def test_the_whole_value_has_to_match(wanted: bool, pattern: str, value: str) -> None:  # noqa: FBT001 - the wanted value of a table's row
    assert wanted is Pattern.parse(pattern).matches(value)


ANCHORED = "the whole value must match anyway, leave out `^` and `$` and write `.*` where anything may stand"


@pytest.mark.parametrize(
    ("said", "pattern"),
    [
        (ANCHORED, "^/admin"),
        (ANCHORED, "/admin$"),
        (ANCHORED, r"/admin\\$"),
        ("is empty, it would match nothing but the empty value; use `is`", ""),
        ("a `(` is opened but never closed: `(a`", "(a"),
        ("a `)` closes nothing: `a)`", "a)"),
        ("a `[` is opened but never closed: `[a`", "[a"),
        ("look-around is not part of the language, use a second condition or `not`: `(?=`", "(?=a)"),
        (r"the escape is unknown (back-references are not part of the language): `\1`", r"(a)\1"),
        ("a repetition may count to 1000 in all: `{1001}`", "a{1001}"),
        ("a repetition may count to 1000 in all: `{100}`", "((a{100}){100}){100}"),
        ("the character class does not exist or runs backwards: `z-a`", "[z-a]"),
        ("a repetition stands where there is nothing to repeat: `*`", "*a"),
        ("a repetition follows another repetition: `**`", "a**"),
        ("the name of a group is not allowed here, use `(?:...)`: `(?P<>`", "(?P<>a)"),
        ("holds characters that are no text", "\ud800"),
        ("ends in a single backslash, write `\\\\` for a backslash", "a\\"),
    ],
)
def test_what_is_no_pattern_is_refused_in_plain_words(said: str, pattern: str) -> None:
    with pytest.raises(Malformed) as caught:
        Pattern.parse(pattern)

    assert str(caught.value).endswith(f": {said}")
    assert str(caught.value).startswith("pattern `")


def test_a_pattern_is_shown_as_it_was_written() -> None:
    assert str(Pattern.parse("/a.*")) == "/a.*"


def test_length_is_bounded() -> None:
    assert Pattern.parse("a" * MAX_LENGTH).matches("a" * MAX_LENGTH)
    with pytest.raises(Malformed, match="is longer than 512 characters, use `is`, `prefix` or `contains` with a list"):
        Pattern.parse("a" * (MAX_LENGTH + 1))


def test_no_value_makes_matching_slow() -> None:
    pattern = Pattern.parse("(a+)+b")
    began = time.process_time()

    assert not pattern.matches("a" * 20_000)
    assert time.process_time() - began < 1.0


@given(text=st.text(alphabet="ab()[]{}*+?|\\^$.,1-z:<>P=!\ud800", max_size=20))
def test_any_text_is_a_pattern_or_malformed_and_never_another_error(text: str) -> None:
    with suppress(Malformed):
        assert Pattern.parse(text).matches("value") in {True, False}
