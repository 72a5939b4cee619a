"""The page that sums the table up: by subject, how many rows there are and what is wanted of them.

`python -m tests.conformance.summary` writes `docs/reference/conformance.md`; a test holds that it is current.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.conformance.table import subjects

if TYPE_CHECKING:
    from tests.conformance.table import Row, Subject

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "conformance.md"

HEAD: Final = """# Conformance of the forward proxy

What somebody might try on the forward proxy, byte for byte, and what comes of it. The rows are data, in
[tests/conformance/forward](../../tests/conformance/forward/README.md); every one of them is sent over real sockets by
`tests/conformance/test_forward.py`. A row that is refused proves that no origin saw a byte, that nothing was dialled,
that nobody was asked for a name (but where the row says so), and that the audit log holds exactly the wanted
decisions, each with one end.

This page is made from the table.
"""


def page() -> str:
    """The whole page."""
    table = subjects()
    rows = [row for subject in table for row in subject.rows]
    refused = sum(_is_refused(row) for row in rows)
    lines = [HEAD, f"{len(rows)} rows, of which {refused} are refused.", "", "| subject | rows | refused | passed |"]
    lines += ["|---|---:|---:|---:|", *map(_line, table), "", "What is wanted of every exchange in them:", ""]
    lines += ["| answer | reason | rule | exchanges |", "|---|---|---|---:|", *_outcomes(rows), ""]
    return "\n".join(lines)


def _is_refused(row: Row) -> bool:
    return not any(want.allowed for want in row.wants)


def _line(subject: Subject) -> str:
    refused = sum(_is_refused(row) for row in subject.rows)
    link = f"[{subject.title}](../../tests/conformance/forward/{subject.file}.yaml)"
    return f"| {link} | {len(subject.rows)} | {refused} | {len(subject.rows) - refused} |"


def _outcomes(rows: list[Row]) -> list[str]:
    wanted = Counter(
        ("closed" if want.status is None else str(want.status), str(want.end or want.reason), want.rule or "")
        for row in rows
        for want in row.wants
    )
    return [
        f"| {status} | `{reason}` | {f'`{rule}`' if rule else ''} | {count} |"
        for (status, reason, rule), count in sorted(wanted.items())
    ]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
