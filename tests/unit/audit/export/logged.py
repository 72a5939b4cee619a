"""Logs for tests of exporters: segments as the writer leaves them, whole, compressed, pruned or torn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gateway.audit.export.forms import Message
from gateway.audit.records.ids import IdSource
from gateway.audit.writing.compression import compress
from gateway.audit.writing.witness import leaf_hash

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LOG = "01M7ZT36Z982BBPYWC8HGG68N9"
_names = IdSource(lambda: 1_790_000_000.0, bytes)


def line(seq: int, event: str = "note", **others: object) -> bytes:
    """A line of a log, with its newline."""
    record = {"v": 1, "seq": seq, "time": "2026-11-23T10:00:00.123456Z", "event": event, **others}
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def pruned(seq: int) -> bytes:
    """What is left of a line whose time was over."""
    return b'{"v":1,"seq":%d,"pruned":"%b"}\n' % (seq, leaf_hash(line(seq)[:-1]).hex().encode())


def segment(directory: Path, lines: Iterable[bytes], *, packed: bool = False) -> Path:
    """A new segment, behind all that were made before."""
    directory.mkdir(exist_ok=True)
    path = directory / f"{_names.next()}.jsonl"
    path.write_bytes(b"".join(lines))
    return compress(path, lambda: True) if packed else path


def message(seq: int, text: str = "text", **others: object) -> Message:
    """A message about a record."""
    record = {"seq": seq, "time": "2026-11-23T10:00:00.123456Z", "event": "note", **others}
    return Message(seq, record, text)


def nobody(seq: int) -> None:
    """Hears of records without words where there are none."""
    raise AssertionError(f"record {seq} has no words")
