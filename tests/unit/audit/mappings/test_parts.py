from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.audit.mappings.parts import (
    Level,
    address_of,
    at,
    flat,
    level_of,
    milliseconds,
    nanoseconds,
    rest_of,
    without,
)
from tests.unit.audit.samples import SAMPLES

if TYPE_CHECKING:
    from gateway.audit.records.record import Record


def test_a_part_is_found_by_its_path_and_is_none_where_there_is_none() -> None:
    record: Record = {"a": {"b": {"c": 1}}, "d": None}

    assert (at(record, "a", "b", "c"), at(record, "a", "x", "c"), at(record, "d", "e")) == (1, None, None)


@pytest.mark.parametrize(
    ("level", "name", "change"),
    [
        (Level.INFORMATIONAL, "allowed", {}),
        (Level.LOW, "denied", {}),
        (Level.HIGH, "denied", {"decision": {"verdict": "deny", "reason": "internal-error"}}),
        (Level.INFORMATIONAL, "end", {}),
        (Level.LOW, "broken", {}),
        (Level.LOW, "refused", {}),
        (Level.INFORMATIONAL, "closed", {}),
        (Level.MEDIUM, "policy", {}),
        (Level.MEDIUM, "server", {}),
        (Level.INFORMATIONAL, "start", {}),
        (Level.HIGH, "gap", {}),
        (Level.CRITICAL, "proof", {"outcome": "tampered"}),
    ],
)
def test_how_grave_a_record_is(level: Level, name: str, change: dict[str, object]) -> None:
    assert level is level_of(SAMPLES[name] | change)


def test_times_are_whole_numbers_without_a_rounding() -> None:
    record: Record = {"time": "2026-11-23T10:00:00.123456Z"}

    assert (milliseconds(record), nanoseconds(record)) == (1795428000123, 1795428000123456000)


def test_what_is_not_known_is_left_out_and_nothing_else_is() -> None:
    assert without({"a": None, "b": {"c": None}, "d": [], "e": 0, "f": False, "g": [{"h": None}], "i": ""}) == {
        "e": 0,
        "f": False,
        "g": [{}],
        "i": "",
    }


def test_the_rest_is_what_was_not_taken() -> None:
    record: Record = {"a": {"b": 1, "c": 2}, "d": 3, "e": {"f": 4}, "g": None}

    assert rest_of(record, frozenset({"a.b", "d", "e.f"})) == {"a": {"c": 2}}


def test_a_record_can_be_laid_flat() -> None:
    record: Record = {"a": {"b": 1}, "c": ["x", "y"], "d": [{"e": 1}], "f": None, "g": [], "h": True}

    assert dict(flat(record, "p.")) == {"p.a.b": 1, "p.c": ["x", "y"], "p.d": '[{"e":1}]', "p.h": True}


@pytest.mark.parametrize(
    ("address", "text"), [("10.1.2.3", "10.1.2.3"), (None, "10.1.2.0/24"), (None, "client-2026-11-00"), (None, None)]
)
def test_only_an_address_is_one(address: str | None, text: str | None) -> None:
    assert address == address_of(text)
