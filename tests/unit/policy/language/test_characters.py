from __future__ import annotations

import pytest

from gateway.policy.language.characters import decoded, unwelcome


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (None, "plain text, with\ttab and\nline\r\n"),
        (None, "Grüße, 你好, 🙂, \xa0"),
        ("U+0000", "a\0b"),
        ("U+0007", "\a"),
        ("U+007F", "\x7f"),
        ("U+0085", "a\x85b"),  # a line break for YAML alone
        ("U+2028", "a\u2028b"),
        ("U+202E", "\u202egnp.exe"),  # turns the line around
        ("U+2066", "a\u2066"),
        ("U+FEFF", "a\ufeff"),
        ("U+D800", "\ud800"),
        ("U+000D", "a\rb"),
    ],
)
def test_what_no_editor_shows_is_found(found: str | None, text: str) -> None:
    assert found == unwelcome(text)


@pytest.mark.parametrize(
    ("place", "message", "source"),
    [
        ("x:1:4", "this is no UTF-8, save the file as UTF-8", b"a: \xe4"),
        ("x:2:3", "this is no UTF-8, save the file as UTF-8", "ü: 1\nä:".encode() + b"\xff"),
        ("x:1:1", "the file is UTF-16, save it as UTF-8", "a: 1".encode("utf-16")),
        ("x:1:1", "the file begins with a byte order mark, save it as UTF-8 without one", b"\xef\xbb\xbfa: 1"),
        ("x:3:2", "the character U+0001 cannot be seen and is not allowed, leave it out", "a\nb\nc\x01"),
    ],
)
def test_what_is_no_text_is_refused_at_its_place(place: str, message: str, source: str | bytes) -> None:
    text, problems = decoded(source, "x")

    assert text is None
    assert [(str(problem.place), problem.message) for problem in problems] == [(place, message)]


@pytest.mark.parametrize("source", ["ä: 1\n", "ä: 1\n".encode()])
def test_utf_8_is_read_as_it_is(source: str | bytes) -> None:
    assert decoded(source, "x") == ("ä: 1\n", [])
