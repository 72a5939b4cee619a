"""Broken YAML in plain words: what the event stream objects to, told to somebody who does not know its insides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.policy.language.events import SyntaxProblem

NO_ANCHORS: Final = "anchors and aliases (`&name`, `*name`) are not allowed, repeat the value or name it under `lists`"
NO_TAGS: Final = "tags (`!name`) are not allowed, leave the tag out; a text that begins with `!` needs quotes"
NO_DIRECTIVES: Final = "directives (lines that begin with `%`) are not allowed, leave the line out"
ONE_DOCUMENT: Final = "a second document begins here, a file holds one: leave out the `---` and what follows it"
NO_MERGE_KEYS: Final = "merge keys (`<<`) are not allowed, write the keys out"

type Words = tuple[str, str, str]
"""Beginning of the context, beginning of the problem, what to say."""

_WORDS: Final[tuple[Words, ...]] = (
    ("", "found character '\\t'", "a tab stands here, indent with spaces"),
    ("", "found character '@'", 'a text that begins with `@` needs quotes, like `"@name"`'),
    ("", "found character '`'", "a text that begins with a backtick needs quotes"),
    ("", "found character '%'", "a text that begins with `%` needs quotes; directives are not allowed"),
    ("", "found character", "this character cannot begin a value, put the text in quotes"),
    ("while scanning a simple key", "", "a key is begun here, but no `:` follows on its line"),
    ("", "sequence entries are not allowed", "a list item (`-`) cannot begin here, put it on a line of its own"),
    ("", "mapping keys are not allowed", "a key cannot begin here, put it on a line of its own"),
    (
        "",
        "mapping values are not allowed",
        "a `:` cannot stand here: put the text in quotes, or the key on its own line",
    ),
    ("while scanning a directive", "", NO_DIRECTIVES),
    ("", "found duplicate YAML directive", NO_DIRECTIVES),
    ("", "found incompatible YAML document", NO_DIRECTIVES),
    ("", "duplicate tag handle", NO_DIRECTIVES),
    ("while scanning an anchor", "", NO_ANCHORS),
    ("while scanning an alias", "", f"{NO_ANCHORS}; a text that begins with `*` needs quotes"),
    ("while scanning a tag", "", NO_TAGS),
    ("while parsing a tag", "", NO_TAGS),
    ("", "found undefined tag handle", NO_TAGS),
    ("while scanning a block scalar", "", "after `|` or `>` the text begins on the next line, indented"),
    ("", "found unknown escape character", "this `\\` escapes nothing: use single quotes, or write `\\\\`"),
    ("", "expected escape sequence", "this `\\` escape is cut short: use single quotes, or write `\\\\`"),
    ("", "no such character", "this `\\` escape names no character: use single quotes, or write `\\\\`"),
    ("while scanning a quoted scalar", "", "a quote is opened here and never closed"),
    ("while parsing a flow sequence", "", "a list is opened with `[` here; a `,` or its `]` is missing"),
    ("while parsing a flow mapping", "", "a group is opened with `{` here; a `,` or its `}` is missing"),
    ("while parsing a block", "", "this line does not fit the indentation of the lines above it"),
    ("", "expected '<document start>'", "nothing can follow here: the value above is complete"),
    ("", "expected the node content", "a value is missing here"),
)

_TOLD_WHERE_BEGUN: Final = (
    "while scanning a simple key",
    "while scanning a quoted scalar",
    "while parsing a flow",
)
"""Constructs whose beginning, not the place where hope was lost, is what somebody has to look at."""


def in_plain_words(problem: SyntaxProblem) -> tuple[int, int, str]:
    """Line and column (from 1) and the sentence for a problem of the event stream."""
    at = problem.at or problem.begun or (0, 0)
    if problem.begun is not None and problem.context.startswith(_TOLD_WHERE_BEGUN):
        at = problem.begun
    return at[0] + 1, at[1] + 1, _sentence(problem)


def _sentence(problem: SyntaxProblem) -> str:
    for context, beginning, sentence in _WORDS:
        if problem.context.startswith(context) and problem.problem.startswith(beginning):
            return sentence
    return "the file cannot be read on from here, it is no YAML"
