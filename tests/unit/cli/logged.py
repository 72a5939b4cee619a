"""A log on the disk, of records that tests made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.unit.replay.made import Record


def write_log(folder: Path, records: Iterable[Record]) -> Path:
    """Write records as one segment of a log, numbered in their order."""
    log = folder / "audit"
    log.mkdir()
    lines = (
        json.dumps({"v": 1, "seq": number} | record, separators=(",", ":")) + "\n"
        for number, record in enumerate(records, 1)
    )
    (log / "01KC3V6Q2M8Z9T4W7R5X1N0B6E.jsonl").write_text("".join(lines), "utf-8")
    return log
