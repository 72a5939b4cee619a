"""What must be true of every audit log, whatever happened: checked when a gateway of these tests has ended."""

from __future__ import annotations

import json
import re
import stat
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.known_records import problems_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

type Record = dict[str, Any]

ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


def read_log(directory: Path) -> list[Record]:
    """Every line of a log, in the order in which it was written; a line that the schema does not know fails."""
    return [_record(line) for path in sorted(directory.glob("*.jsonl")) for line in path.read_bytes().splitlines()]


def check_records(directory: Path) -> None:
    """Check every record of a log against the schema."""
    read_log(directory)


def _record(line: bytes) -> Record:
    found = json.loads(line)
    assert isinstance(found, dict)
    assert line in _sound or problems_of(found) == [], line
    _sound.add(line)
    return found


_sound: set[bytes] = set()
"""Lines that were checked: tests that wait for a record read the same log again and again."""


def check_trail(state: Path, answered: Iterable[str], *, whole: bool = True) -> list[Record]:
    """Check the log of a gateway that has ended and return its records.

    `answered` are the decision ids that clients were told. `whole` says that the disk never failed.
    """
    log = state / "audit"
    modes = {stat.filemode(path.stat().st_mode) for path in log.glob("*.jsonl")}
    assert modes == {"-rw-------"}
    assert stat.filemode(log.stat().st_mode) == "drwx------"
    records = read_log(log)
    if whole:
        assert [each["seq"] for each in records] == list(range(1, len(records) + 1))
        assert records[-1]["event"] == "stop"
        assert _events(records)["start"] == 1
        check_exchanges(records)
    decided = Counter(each["id"] for each in records if each["event"] == "decision")
    assert [told for told in answered if decided[told] != 1 and whole] == []
    return records


def check_exchanges(records: list[Record]) -> None:
    """One decision and then one end for every exchange, and none for anything else."""
    decisions = {each["id"]: each["seq"] for each in records if each["event"] == "decision"}
    ends = {each["id"]: each["seq"] for each in records if each["event"] == "end"}
    events = _events(records)
    assert (events["decision"], events["end"]) == (len(decisions), len(ends)), "an id was written down twice"
    assert set(decisions) ^ set(ends) == set(), "a decision without an end, or an end without a decision"
    assert [name for name, seq in decisions.items() if seq > ends[name]] == []
    assert [name for name in decisions if ID.fullmatch(name) is None] == []


def _events(records: Iterable[Record]) -> Counter[str]:
    return Counter(each["event"] for each in records)
