"""Logs made for the tests that read them: lines as the writer writes them, in segments with names of their time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.audit.records.ids import RANDOM_BITS, encode
from gateway.audit.writing.encoding import body
from tests.unit.audit.samples import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

DAY = "2026-11-23T"


def decision(number: int, verdict: str = "deny", **changes: Any) -> dict[str, Any]:
    """A decision with a sequence number, made ten seconds after the one before; `changes` name what is different."""
    base = SAMPLES["denied" if verdict == "deny" else "allowed"]
    record: dict[str, Any] = {"time": at(number), "event": "decision", "id": name(number), **changes.pop("top", {})}
    parts: dict[str, dict[str, Any]] = {
        "client": {"ip": changes.pop("client", "10.1.2.3"), "user": changes.pop("user", None)},
        "request": {key: changes.pop(key) for key in ("host", "path", "method", "query", "size") if key in changes},
        "decision": {"verdict": verdict, **{key: changes.pop(key) for key in ("reason", "rule") if key in changes}},
    }
    assert changes == {}
    record |= {key: base[key] | part for key, part in parts.items()}
    return {"v": 1, "seq": number, **base, **record}


def end(number: int, of: int, **changes: Any) -> dict[str, Any]:
    """The end of the exchange of a decision."""
    return {"v": 1, "seq": number} | SAMPLES["end"] | {"time": at(number), "id": name(of), **changes}


def at(number: int) -> str:
    """The time of a record."""
    minutes, seconds = divmod(number * 10, 60)
    return f"{DAY}{10 + minutes // 60:02}:{minutes % 60:02}:{seconds:02}.000000Z"


def name(number: int) -> str:
    """The identifier of a decision."""
    return segment_name(at(number), number)


def segment_name(time: str, number: int = 0) -> str:
    """An identifier of that moment."""
    return encode(int(datetime.fromisoformat(time).timestamp() * 1000) << RANDOM_BITS | number)


def line(record: dict[str, Any]) -> bytes:
    """A record as the writer writes it."""
    rest = {key: value for key, value in record.items() if key not in {"v", "seq"}}
    return b'{"v":1,"seq":%d,' % record["seq"] + body(rest) + b"\n"


def write(directory: Path, *segments: list[dict[str, Any]] | bytes) -> list[Path]:
    """Write segments, each named by the time of its first record; bytes come a minute after the one before."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, content in enumerate(segments):
        begun = at(number * 6) if isinstance(content, bytes) or not content else str(content[0]["time"])
        paths.append(directory / f"{segment_name(begun, number)}.jsonl")
        paths[-1].write_bytes(content if isinstance(content, bytes) else b"".join(map(line, content)))
    return paths
