from __future__ import annotations

from gateway.metrics.families import FAMILIES
from gateway.metrics.table import table


def test_every_family_has_a_line_with_all_that_is_known_of_it() -> None:
    lines = table().splitlines()

    assert len(lines) == len(FAMILIES) + 2
    assert "| `wicketgate_connections_open` | gauge | `listener` | Connections that are being served | sum |" in lines


def test_nothing_breaks_the_table() -> None:
    assert {line.count("|") for line in table().splitlines()} == {6}
