"""The law of the mappings: a record of any age has words in every format, however many of its parts it never had.

Keys are added to records while their version stays the same, so a log that is read today holds records without the
keys of today. What a record always has is its number, its time and its kind.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.mappings import cef, ecs, ocsf, otel
from gateway.audit.mappings.parts import NotMapped
from tests.known_records import problems_of
from tests.unit.audit.mappings.ocsf_schema import problems
from tests.unit.audit.samples import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable

ALWAYS: Final = frozenset({"v", "seq", "time", "event"})
FORMATS: Final[dict[str, Callable[[dict[str, Any]], object]]] = {
    "ocsf": ocsf.mapping,
    "ecs": ecs.mapping,
    "cef": cef.mapping,
    "otel": otel.otlp_json,
}
LONGEST_LINE: Final = 7 * 1024


def whole(name: str) -> dict[str, Any]:
    return {"v": 1, "seq": 7} | SAMPLES[name]


def without_some(value: Any, draw: Callable[[], bool], kept: frozenset[str] = frozenset()) -> Any:
    """The value with keys taken away at every depth, or their values taken for null."""
    match value:
        case dict():
            return {
                key: each if key in kept else None if draw() else without_some(each, draw)
                for key, each in value.items()
                if key in kept or not draw()
            }
        case list():
            return [without_some(each, draw) for each in value if not draw()]
        case _:
            return value


def optional_keys(record: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths of keys without which the schema still accepts the record."""
    found = []
    for key, value in (at(record, path) if path else record).items():
        here = (*path, key)
        if accepted(less(record, here)):
            found.append(here)
        if isinstance(value, dict):
            found += optional_keys(record, here)
    return found


def at(record: dict[str, Any], path: tuple[str, ...]) -> Any:
    for key in path:
        record = record[key]
    return record


def less(record: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(record))
    del at(copy, path[:-1])[path[-1]]
    return copy


def accepted(record: dict[str, Any]) -> bool:
    return problems_of(record) == []


@pytest.mark.parametrize("name", SAMPLES)
def test_what_the_schema_does_not_ask_for_no_mapping_needs(name: str) -> None:
    record = whole(name)
    for path in optional_keys(record):
        older = less(record, path)
        for each in FORMATS.values():
            assert each(older)
        event = ocsf.mapping(older)
        assert isinstance(event, NotMapped) or problems(event) == []


@given(name=st.sampled_from(sorted(SAMPLES)), draw=st.data())
def test_a_record_that_lacks_whatever_has_words_in_every_format(name: str, draw: st.DataObject) -> None:
    rarely = st.integers(0, 5).map(lambda number: number == 0)
    older = without_some(whole(name), lambda: draw.draw(rarely), ALWAYS)

    for form, each in FORMATS.items():
        said = each(older)
        assert isinstance(said, NotMapped) is (form == "ocsf" and older["event"] in ocsf.NOT_MAPPED)


@given(
    name=st.sampled_from(["denied", "end", "key", "proof", "refused"]),
    text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    times=st.integers(1, 4000),
)
def test_a_line_of_cef_is_as_long_as_receivers_take_and_says_what_was_cut(name: str, text: str, times: int) -> None:
    long = text * times
    record = whole(name) | {"detail": long, "note": long, "problems": [long] * 5, "listener": long}
    line = cef.mapping(record)

    assert len(line.encode()) <= LONGEST_LINE
    if len(long.encode()) > LONGEST_LINE:
        assert " flexString1Label=cut flexString1=" in line
        assert {"problems", "note", "deviceFacility"} & set(line.rpartition("flexString1=")[2].split())
    elif times == 1:
        assert "flexString1" not in line
