"""Figures in a page of the documentation, between two marks, so that one command renews them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def put(page: Path, name: str, text: str) -> None:
    """Make this what stands between `<!-- NAME -->` and `<!-- /NAME -->`. Raises LookupError without these marks."""
    written = page.read_text(encoding="utf-8")
    first, last = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    before, found, rest = written.partition(first)
    _, ended, after = rest.partition(last)
    if not found or not ended:
        raise LookupError(f"{page} has no `<!-- {name} -->` with an end")
    page.write_text(f"{before}{first}\n{text}\n{last}{after}", encoding="utf-8")
