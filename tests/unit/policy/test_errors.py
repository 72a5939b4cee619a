from __future__ import annotations

import pytest

from gateway.policy.errors import SHOWN, Malformed, TooLong, quoted


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        ("`example.com`", "example.com"),
        ("``", ""),
        ("`a\\nb\\x00`", "a\nb\0"),
        ("`\\x1b[31mred`", "\x1b[31mred"),
        ("`\\u202egnp.exe`", "\u202egnp.exe"),
        ("`\\ud800`", "\ud800"),
        ("`a\\x60b`", "a`b"),
        ("`bücher`", "bücher"),
        ("`a b`", "a b"),
    ],
)
def test_offending_text_is_shown_so_that_it_cannot_change_the_terminal_or_the_log(shown: str, text: str) -> None:
    assert shown == quoted(text)


def test_long_text_is_cut() -> None:
    assert quoted("x" * (SHOWN + 1)) == f"`{'x' * SHOWN}...`"
    assert quoted("x" * SHOWN) == f"`{'x' * SHOWN}`"


def test_whoever_refuses_malformed_text_refuses_text_that_is_too_long() -> None:
    assert issubclass(TooLong, Malformed)
    assert issubclass(Malformed, ValueError)
