from __future__ import annotations

import pytest

from gateway.policy.language.events import SyntaxProblem, events
from gateway.policy.language.syntax import in_plain_words


@pytest.mark.parametrize(
    ("place", "sentence", "text"),
    [
        ((1, 4), "a list is opened with `[` here; a `,` or its `]` is missing", "a: [1, 2"),
        ((1, 4), "a group is opened with `{` here; a `,` or its `}` is missing", "a: {b: 1"),
        ((1, 4), "a quote is opened here and never closed", "a: 'x"),
        ((1, 4), "a quote is opened here and never closed", "a: 'x\n---\n"),
        ((1, 4), 'a text that begins with `@` needs quotes, like `"@name"`', "a: @x"),
        ((1, 4), "a text that begins with a backtick needs quotes", "a: `x`"),
        ((1, 4), "a text that begins with `%` needs quotes; directives are not allowed", "a: %x"),
        ((1, 5), "a `:` cannot stand here: put the text in quotes, or the key on its own line", "a: b: c"),
        ((1, 4), "a list item (`-`) cannot begin here, put it on a line of its own", "a: - b"),
        ((2, 1), "a tab stands here, indent with spaces", "a:\n\tb: 1"),
        ((3, 2), "this line does not fit the indentation of the lines above it", "a:\n  - b\n - c"),
        ((1, 6), "this `\\` escapes nothing: use single quotes, or write `\\\\`", r'a: "\q"'),
        ((1, 7), "this `\\` escape is cut short: use single quotes, or write `\\\\`", r'a: "\x1"'),
        ((1, 7), "this `\\` escape names no character: use single quotes, or write `\\\\`", r'a: "\UFFFFFFFF"'),
        ((1, 5), "after `|` or `>` the text begins on the next line, indented", "a: |x\n"),
        ((2, 1), "a key is begun here, but no `:` follows on its line", "a: 1\nb\nc: 1"),
        ((1, 1), "directives (lines that begin with `%`) are not allowed, leave the line out", "%YAML 3.1\n---\n"),
        ((2, 1), "a value is missing here", "a: [a,\n---\n"),
    ],
)
def test_broken_yaml_is_told_in_plain_words_where_it_breaks(place: tuple[int, int], sentence: str, text: str) -> None:
    line, column, told = in_plain_words(_problem(text))

    assert (sentence, place) == (told, (line, column))


def test_what_nobody_thought_of_still_gets_a_sentence() -> None:
    line, column, told = in_plain_words(SyntaxProblem("", "something new", (4, 2), None))

    assert (line, column, told) == (5, 3, "the file cannot be read on from here, it is no YAML")


def _problem(text: str) -> SyntaxProblem:
    with pytest.raises(SyntaxProblem) as caught:
        list(events(text))
    return caught.value
