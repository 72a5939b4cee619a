from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench.pages import put

if TYPE_CHECKING:
    from pathlib import Path


def test_only_what_stands_between_the_marks_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- a -->\nold\n<!-- /a -->\nafter\n", encoding="utf-8")

    put(page, "a", "| new |\n")

    assert page.read_text("utf-8") == "before\n<!-- a -->\n\n| new |\n\n<!-- /a -->\nafter\n"


@pytest.mark.parametrize("text", ["", "<!-- a -->\n", "<!-- /a -->\n"])
def test_a_page_without_the_marks_stays_as_it_is(text: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")

    with pytest.raises(LookupError, match="has no `<!-- a -->` with an end"):
        put(page, "a", "new")
    assert page.read_text("utf-8") == text
