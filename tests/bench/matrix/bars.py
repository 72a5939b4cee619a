"""Bars as SVG: a row per server, as long as its rate, with the lowest and the highest round as a line across its end.

It is drawn so that it can be read in light and in dark, and says its figures as text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH: Final = 720
_ROW: Final = 26
_TOP: Final = 34
_LEFT: Final = 110
_LONGEST: Final = 470
_STYLE: Final = (
    "text{font:13px sans-serif;fill:#333}.bar{fill:#8fa3b8}.ours{fill:#c2571a}.span{stroke:#333;stroke-width:1.5}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.span{stroke:#ddd}}"
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One server: its value, the lowest and the highest of its rounds, and whether it is the one this is about."""

    name: str
    value: float
    lowest: float
    highest: float
    ours: bool = False


def drawn(title: str, unit: str, bars: Sequence[Bar]) -> str:
    """The picture; the longest bar takes all of the width."""
    most = max((each.highest for each in bars), default=1.0) or 1.0
    height = _TOP + _ROW * len(bars) + 8
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<text x="8" y="20" font-weight="bold">{escape(title)} ({escape(unit)})</text>',
    ]
    for index, bar in enumerate(bars):
        lines += _row(bar, _TOP + index * _ROW, _LONGEST / most)
    return "\n".join([*lines, "</svg>", ""])


def _row(bar: Bar, top: int, scale: float) -> list[str]:
    middle, shown = top + 10, max(bar.value * scale, 1)
    end = max(shown, bar.highest * scale)
    span = f'x1="{_LEFT + bar.lowest * scale:.1f}" x2="{_LEFT + bar.highest * scale:.1f}"'
    kind = "bar ours" if bar.ours else "bar"
    return [
        f'<text x="{_LEFT - 8}" y="{middle + 5}" text-anchor="end">{escape(bar.name)}</text>',
        f'<rect class="{kind}" x="{_LEFT}" y="{top}" width="{shown:.1f}" height="20"/>',
        f'<line class="span" {span} y1="{middle}" y2="{middle}"/>',
        f'<text x="{_LEFT + end + 8:.1f}" y="{middle + 5}">{bar.value:,.0f}</text>',
    ]
