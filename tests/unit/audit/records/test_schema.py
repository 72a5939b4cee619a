from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gateway.audit.records.schema import EVENTS, record_schema
from tests import known_records
from tests.house.sources import modules
from tests.unit.audit.samples import SAMPLES

HEAD = {"v": 1, "seq": 1}
KNOWN = Draft202012Validator(record_schema())
WRITTEN = re.compile(r'"time": timestamp\(now\),\s*"event": "([a-z]+)"')


def problems(record: dict[str, Any]) -> list[str]:
    return [f"{each.json_path} {each.message}" for each in KNOWN.iter_errors(record)]


def test_the_schema_is_one_and_json_can_hold_it() -> None:
    Draft202012Validator.check_schema(record_schema())

    assert json.loads(json.dumps(record_schema())) == record_schema()


def test_there_is_a_sample_of_every_kind_that_the_gateway_writes() -> None:
    assert {sample["event"] for sample in SAMPLES.values()} == set(EVENTS)


@pytest.mark.parametrize("record", SAMPLES.values(), ids=list(SAMPLES))
def test_every_record_is_as_the_schema_says(record: dict[str, Any]) -> None:
    assert problems(HEAD | json.loads(json.dumps(record))) == []


@pytest.mark.parametrize("record", SAMPLES.values(), ids=list(SAMPLES))
def test_the_schema_knows_no_more_and_no_less_than_is_written(record: dict[str, Any]) -> None:
    kind = record_schema()["$defs"][record["event"]]

    assert [key for key in kind["required"] if key not in HEAD | record] == []
    for key in kind["required"]:
        assert problems({name: value for name, value in (HEAD | record).items() if name != key}) != [] or key == "event"
    assert problems(HEAD | record | {"surprise": 1}) != []


@pytest.mark.parametrize("record", SAMPLES.values(), ids=list(SAMPLES))
def test_the_quick_checker_of_the_other_tests_says_the_same(record: dict[str, Any]) -> None:
    whole = HEAD | json.loads(json.dumps(record))
    broken = [
        whole | {"surprise": 1},
        whole | {"seq": "1"},
        whole | {"time": "now"},
        *({**whole, key: []} for key in whole),
    ]

    assert known_records.problems_of(whole) == []
    assert [bool(known_records.problems_of(each)) for each in broken] == [bool(problems(each)) for each in broken]


@pytest.mark.parametrize(
    "record",
    [HEAD, HEAD | {"event": "party", "time": "x"}, HEAD | {"pruned": "00"}, {"seq": 1, "pruned": "a" * 64}],
)
def test_what_is_no_record_is_refused(record: dict[str, Any]) -> None:
    assert problems(record) != []


def test_no_part_of_the_gateway_writes_a_kind_that_the_schema_does_not_know() -> None:
    written = {event for path in modules("gateway", "addons") for event in WRITTEN.findall(path.read_text("utf-8"))}

    assert {"decision", "end", "gap"} <= written
    assert written - set(EVENTS) == set()


def test_a_line_of_a_record_whose_time_was_over_is_one() -> None:
    assert problems(HEAD | {"pruned": "a" * 64}) == []
