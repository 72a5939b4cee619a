"""The families as a table for people, as the reference holds it: `python -m gateway.metrics.table` prints it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gateway.metrics.families import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Iterator


def table() -> str:
    """Markdown, one line per family."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "| name | type | labels | what it tells | of several workers |"
    yield "|---|---|---|---|---|"
    for each in FAMILIES.values():
        labels = " ".join(f"`{label}`" for label in each.labels)
        yield f"| `{each.name}` | {each.kind} | {labels} | {each.help} | {each.merging} |"


if __name__ == "__main__":
    sys.stdout.write(table())
