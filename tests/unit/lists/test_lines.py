from __future__ import annotations

import pytest

from gateway.lists.formats import adblock, hosts, plain
from gateway.lists.lines import BLOCK, LONGEST_LINE
from gateway.policy.domains import Reach
from tests.list_files import listed, names_in


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfads.example\nspam.example\n",
        b"ads.example\r\nspam.example\r\n",
        b"ads.example\nspam.example",
        b"\n\nads.example\n \t\nspam.example\n\n",
    ],
)
def test_marks_and_ends_of_lines_mean_nothing(content: bytes) -> None:
    gathered = names_in(content, plain.reader(Reach.IS))

    assert listed(gathered, "ads.example", "spam.example") == [True, True]
    assert (gathered.entries, gathered.oddities.wrong) == (2, 0)


@pytest.mark.parametrize(
    ("why", "line"),
    [
        ("is not UTF-8", b"b\xfccher.example"),
        (f"the line is longer than {LONGEST_LINE} bytes", b"a" * (LONGEST_LINE + 1)),
        ("control characters are not allowed", b"ads\x00.example"),
        ("control characters are not allowed", "ads.example".encode("utf-16")[2:]),
    ],
)
def test_a_line_that_is_no_text_is_wrong_and_shown_shortly(why: str, line: bytes) -> None:
    gathered = names_in(b"good.example\n" + line + b"\n", plain.reader(Reach.IS))

    ((number, sentence),) = gathered.oddities.first_wrong
    assert (number, gathered.entries) == (2, 1)
    assert why in sentence
    assert len(sentence) < 200
    assert sentence.isprintable()


def test_lines_keep_their_numbers_beyond_the_first_block() -> None:
    lines = BLOCK // len("0.0.0.0 n0000000.example\n") + 100
    text = "".join(f"0.0.0.0 n{number:07}.example\n" for number in range(lines))

    gathered = names_in(text + "0.0.0.0 a..b\n" + text[:50], hosts.reader(Reach.IS))

    assert [line for line, _ in gathered.oddities.first_wrong] == [lines + 1]
    assert gathered.entries == lines


def test_an_overlong_name_among_short_ones_is_the_only_wrong_line() -> None:
    longest = ".".join(["a" * 61] * 4 + ["abcde"])
    content = f"||ads.example^\n||{longest}^\n||x{longest}^\n||spam.example^\n"

    gathered = names_in(content, adblock.reader())

    assert (gathered.entries, gathered.oddities.wrong, gathered.oddities.first_wrong[0][0]) == (3, 1, 3)
    assert listed(gathered, "ads.example", longest, "spam.example") == [True, True, True]
    assert len(longest) == 253
