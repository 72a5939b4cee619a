from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.control.channel import Outcome
from gateway.control.merging import (
    ANYONE,
    WAYS,
    anywhere,
    beside,
    common,
    everywhere,
    fields,
    first,
    fullest,
    in_order,
    least,
    merged,
    merged_records,
    most,
    rows,
    servers,
    total,
    union,
)
from gateway.metrics.snapshot import Snapshot, read

if TYPE_CHECKING:
    from gateway.control.merging import Merge


@pytest.mark.parametrize(
    ("merge", "values", "wanted"),
    [
        (first, [3, 1], 3),
        (total, [3, 1], 4),
        (least, [3, 1], 1),
        (most, [3, 1], 3),
        (beside, [3, 1], [3, 1]),
        (everywhere, [True, False], False),
        (anywhere, [True, False], True),
        (common, [["a", "b", "c"], ["c", "a"]], ["a", "c"]),
        (union, [["a", "b"], ["b", "c"]], ["a", "b", "c"]),
        (fields(n=total), [{"n": 1, "who": "a"}, {"n": 2, "who": "b", "more": 1}], {"n": 3, "who": "a", "more": 1}),
        (in_order(n=total), [[{"n": 1}, {"n": 5}], [{"n": 2}, {"n": 6}]], [{"n": 3}, {"n": 11}]),
        (
            rows("server", busy=total),
            [[{"server": "a", "busy": 1}], [{"server": "b", "busy": 1}, {"server": "a", "busy": 2}]],
            [{"server": "a", "busy": 3}, {"server": "b", "busy": 1}],
        ),
    ],
)
def test_values_of_workers_become_one(merge: Merge, values: list[Any], wanted: object) -> None:
    assert merge(values) == wanted


def test_answers_dropped_by_all_are_added_up() -> None:
    answers = {2: Outcome({"answers": 2}), 1: Outcome({"answers": 1})}

    assert merged(WAYS["cache.purge"].merge, answers) == Outcome({"answers": 3})


def test_what_caches_keep_is_added_up_cache_by_cache() -> None:
    row = {"listener": "shop", "memory": 10, "disk": 100, "files": 1}
    other = {**row, "memory": 5, "files": 2}

    assert merged(
        WAYS["cache.stats"].merge, {1: Outcome({"caches": [row]}), 2: Outcome({"caches": [other]})}
    ) == Outcome({"caches": [{"listener": "shop", "memory": 15, "disk": 200, "files": 3}]})


def test_what_the_one_that_fetches_lists_knows_is_told_of_all() -> None:
    row = {"listener": "egress", "name": "ads", "entries": 2, "unfetched": None, "problems": []}
    failed = {**row, "unfetched": {"why": "answered 503", "since": "2026"}, "problems": ["answered 503"]}

    for verb in ("lists", "status"):
        found = merged(WAYS[verb].merge, {1: Outcome({"lists": [row]}), 2: Outcome({"lists": [failed]})}).done
        assert [each["problems"] for each in found["lists"]] == [["answered 503"]]
    assert merged(WAYS["lists"].merge, {1: Outcome({"lists": [row]}), 2: Outcome({"lists": [failed]})}).done == {
        "lists": [failed]
    }


def test_clients_that_several_workers_have_seen_are_told_once_and_the_fullest_first() -> None:
    def row(client: str, remaining: int, reset: float) -> dict[str, Any]:
        return {"key": {"client.ip": client}, "remaining": remaining, "reset": reset}

    rows = [[row("a", 5, 1.0), row("b", 9, 2.0)], [row("c", 5, 3.0), row("a", 4, 1.5)], []]

    assert fullest(rows) == [row("a", 4, 1.5), row("c", 5, 3.0), row("b", 9, 2.0)]


@pytest.mark.parametrize(
    ("refusals", "wanted"),
    [
        ({1: "no", 2: "no"}, "no"),
        ({1: None, 2: "full"}, "worker 2: full"),
        ({2: "full", 1: "busy"}, "worker 1: busy; worker 2: full"),
    ],
)
def test_who_refuses_refuses_for_all(refusals: dict[int, str | None], wanted: str) -> None:
    answers = {number: Outcome({"answers": 1}, why) for number, why in refusals.items()}

    assert merged(WAYS["cache.purge"].merge, answers).refused == wanted


def test_records_of_one_order_become_one_with_the_sum() -> None:
    one = {"event": "admin", "time": "1", "order": "cache.purge", "what": {"all": "all"}, "count": 2}
    other = {**one, "time": "2", "count": 3}
    else_ = {**one, "what": {"host": "a"}}

    assert merged_records([one, else_, other]) == [{**one, "count": 5}, else_]


def test_every_order_of_the_table_says_who_is_asked() -> None:
    assert {verb for verb, way in WAYS.items() if way.everyone} >= {"cache.purge", "cache.stats"}
    assert not ANYONE.everyone


def _server(standing: str, in_flight: int) -> dict[str, Any]:
    return {
        "url": "http://a",
        "standing": standing,
        "healthy": standing != "down",
        "ejected": False,
        "draining": standing == "draining",
        "in_flight": in_flight,
    }


def test_a_server_stands_as_the_worst_says_and_is_at_what_all_gave_it() -> None:
    [found] = servers([[_server("up", 2)], [_server("down", 0)], [_server("draining", 1)]])

    assert (found["standing"], found["workers"], found["in_flight"]) == ("down", ["up", "down", "draining"], 3)
    assert (found["healthy"], found["ejected"], found["draining"]) == (False, False, True)


def test_numbers_of_metrics_come_together_by_the_rule_of_their_family() -> None:
    one = Snapshot({"wicketgate_processes": {(): 1}, "wicketgate_connections_limit": {(): 9}}).as_data()

    found = merged(WAYS["metrics"].merge, {1: Outcome(one), 2: Outcome(one)}).done

    assert read(found).families == {"wicketgate_processes": {(): 2}, "wicketgate_connections_limit": {(): 9}}
