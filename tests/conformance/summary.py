"""The page that sums the tables up: by subject, how many rows there are and what is wanted of them.

`python -m tests.conformance.summary` writes `docs/reference/conformance.md`; a test holds that it is current.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.conformance.table import FOLDER, REVERSE, subjects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conformance.table import Row, Subject

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "conformance.md"

HEAD: Final = """# Conformance

What somebody might try, byte for byte, and what comes of it. The rows are data; every one of them is sent over real
sockets.

This page is made from the tables.
"""

FORWARD_HEAD: Final = """## The forward proxy

In [tests/conformance/forward](../../tests/conformance/forward/README.md), run by
`tests/conformance/test_forward.py`. A row that is refused proves that no origin saw a byte, that nothing was dialled,
that nobody was asked for a name (but where the row says so), and that the audit log holds exactly the wanted decisions,
each with one end.
"""

REVERSE_HEAD: Final = """## The reverse gateway

In [tests/conformance/reverse](../../tests/conformance/reverse/README.md), run by `tests/conformance/test_reverse.py` in
front of uvicorn (with httptools and with h11), nginx, and an origin that takes down every byte. What a backend got is
told by the backend. Behind every row two requests more are sent, on its connection and on another one, and each gets
its own answer or none.
"""


def page() -> str:
    """The whole page."""
    parts = ((FORWARD_HEAD, FOLDER), (REVERSE_HEAD, REVERSE))
    return "\n".join([HEAD, *(line for head, folder in parts for line in (head, *_part(folder)))])


def _part(folder: Path) -> Iterator[str]:
    table = subjects(folder)
    rows = [row for subject in table for row in subject.rows]
    refused = sum(_is_refused(row) for row in rows)
    yield from (f"{len(rows)} rows, of which {refused} are refused.", "", "| subject | rows | refused | passed |")
    yield from ("|---|---:|---:|---:|", *(_line(subject, folder) for subject in table), "")
    yield from ("What is wanted of every exchange in them:", "", "| answer | reason | rule | exchanges |")
    yield from ("|---|---|---|---:|", *_outcomes(rows), "")


def _is_refused(row: Row) -> bool:
    return not any(want.allowed for want in row.wants)


def _line(subject: Subject, folder: Path) -> str:
    refused = sum(_is_refused(row) for row in subject.rows)
    link = f"[{subject.title}](../../tests/conformance/{folder.name}/{subject.file}.yaml)"
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
