"""Logs for these tests: decisions in segments, as the writer writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gateway.audit.records.ids import IdSource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def decision(seq: int, verdict: str = "deny", host: str = "x.example", rule: str = "no-x", minute: int = 0) -> bytes:
    """The line of a decision."""
    record: dict[str, Any] = {
        "v": 1,
        "seq": seq,
        "time": f"2026-11-23T10:{minute:02}:00.000000Z",
        "event": "decision",
        "id": f"01{seq:024}",
        "listener": "egress",
        "mode": "forward",
        "engine": "mitmproxy",
        "client": {"ip": "192.0.2.1", "port": 5, "user": None, "groups": []},
        "request": {"method": "GET", "scheme": "http", "host": host, "port": 80, "path": "/"},
        "decision": {"verdict": verdict, "reason": "rule-deny", "rule": rule},
    }
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def write(directory: Path, *segments: Sequence[bytes]) -> None:
    """Write a log of these segments."""
    directory.mkdir(exist_ok=True)
    new = IdSource(iter(range(1_700_000_000, 1_800_000_000, 1000)).__next__, bytes).next
    for lines in segments:
        (directory / f"{new()}.jsonl").write_bytes(b"".join(lines))
