"""The quick ways of reading the log give exactly what parsing every line gives, whatever clients wrote into it."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.reading.counting import PATHS, top
from gateway.audit.reading.figures import figures
from gateway.audit.reading.filters import Filter
from gateway.audit.reading.finding import matching, newest
from gateway.audit.reading.scanning import Scan
from gateway.policy.addresses import Network
from tests.unit.audit.reading.made import at, decision, end, write

NASTY = [
    '"',
    "\\",
    '","decision":{"verdict":"deny"',
    "\n",
    "\x00",
    "\x7f",
    "é",
    "\ud800",
    "\u2028",
    "null",
    "",
    "a.example",
]
TEXTS = st.sampled_from([*NASTY, "x.a.example", "/a", "/a/b", "alice", "deny", "allow"]) | st.text(max_size=5)
MAYBE = st.none() | TEXTS
CLIENTS = st.sampled_from(["10.1.2.3", "10.1.0.0/24", "client-2026-11-aa", None])
VERDICTS = st.sampled_from(["allow", "deny"])
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "host": MAYBE,
        "path": MAYBE,
        "method": MAYBE,
        "user": MAYBE,
        "rule": MAYBE,
        "reason": TEXTS,
        "client": CLIENTS,
        "size": st.integers(0, 2**70),
        "query": st.none() | st.dictionaries(TEXTS, TEXTS | st.lists(TEXTS, max_size=2), max_size=2),
    },
)
LATER = st.tuples(VERDICTS, TEXTS, MAYBE).map(
    lambda values: dict(zip(("verdict", "reason", "rule"), values, strict=True))
)
MOMENTS = st.none() | st.integers(0, 12).map(at)
FILTERS = st.builds(
    Filter,
    since=MOMENTS,
    until=MOMENTS,
    client=st.none() | st.sampled_from([Network.parse("10.1.2.3"), Network.parse("10.1.0.0/16"), "client-2026-11-aa"]),
    verdict=st.none() | VERDICTS,
    status=st.none() | st.sampled_from([200, 403]),
    event=st.sampled_from([None, None, "decision", "end"]),
    listener=st.sampled_from([None, None, "egress"]),
    **dict.fromkeys(("host", "path", "method", "user", "rule", "reason"), st.none() | TEXTS),
)


@st.composite
def logs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Decisions and ends, in their order."""
    records: list[dict[str, Any]] = []
    for number in range(1, draw(st.integers(1, 8)) + 1):
        if draw(st.booleans()):
            records.append(decision(number, draw(VERDICTS), **draw(CHANGES)))
        else:
            later = draw(st.none() | LATER)
            size = {"up": draw(st.integers(0, 2**70)), "down": 0}
            changed = {"bytes": size, "seconds": draw(st.floats(0, 1e9)), "status": draw(st.none() | st.just(200))}
            records.append(end(number, 1, **changed, **({} if later is None else {"decision": later})))
    return records


def parsed(paths: list[Path], wanted: Filter) -> list[dict[str, Any]]:
    """What is wanted of a log, found by parsing everything with the library that nobody doubts."""
    every = [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]
    return [record for record in every if wanted.matches(record)]


@given(records=logs(), wanted=FILTERS, cut=st.integers(0, 8))
def test_a_scan_finds_what_a_full_parse_finds(records: list[dict[str, Any]], wanted: Filter, cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = write(Path(folder), *(part for part in (records[:cut], records[cut:]) if part))
        expected = parsed(paths, wanted)

        assert [record for _, record in matching(Scan(Path(folder), wanted))] == expected
        assert newest(Path(folder), wanted, 2) == expected[-2:]


@given(records=logs(), wanted=FILTERS, plain=st.booleans(), by=st.sampled_from(sorted(PATHS)))
def test_a_glance_counts_what_a_full_parse_counts(
    records: list[dict[str, Any]],
    wanted: Filter,
    plain: bool,  # noqa: FBT001 - hypothesis draws it
    by: str,
) -> None:
    asked = Filter(verdict=wanted.verdict) if plain else wanted
    with tempfile.TemporaryDirectory() as folder:
        paths = write(Path(folder), records)
        found = parsed(paths, asked)
        decided = [record for record in found if record["event"] == "decision"]
        counted = top(Scan(Path(folder), asked), by, 0)

        assert {row.value: row.count for row in counted.rows} == Counter(_at(record, by) for record in decided)
        assert {row.last for row in counted.rows} <= {record["id"] for record in decided}
        later = [
            record for record in found if record not in decided and record.get("decision", {}).get("verdict") == "deny"
        ]
        assert counted.later == len(later)


@given(records=logs())
def test_figures_at_a_glance_are_those_of_a_full_parse(records: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = write(Path(folder), records)
        found = parsed(paths, Filter())
        counted = figures(Scan(Path(folder), Filter()), Filter(), "hour")

        decided = [record["decision"] for record in found if record["event"] == "decision"]
        ends = [record for record in found if record["event"] == "end"]
        assert counted.events == Counter(record["event"] for record in found)
        assert counted.verdicts == Counter(each["verdict"] for each in decided)
        assert counted.reasons == Counter(each["reason"] for each in decided)
        assert (counted.first, counted.last) == (found[0]["time"], found[-1]["time"])
        assert (counted.ended, counted.up) == (len(ends), sum(record["bytes"]["up"] for record in ends))
        assert list(counted.seconds) == [record["seconds"] for record in ends]


def _at(record: dict[str, Any], by: str) -> Any:
    found: Any = record
    for key in PATHS[by]:
        found = found[key]
    return found
