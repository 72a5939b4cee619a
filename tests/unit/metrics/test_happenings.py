from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from gateway.audit.records.events import (
    configuration_record,
    gap_record,
    list_record,
    policy_record,
    server_record,
    stop_record,
)
from gateway.audit.writing.errors import AuditUnavailable
from gateway.metrics import families as of
from gateway.metrics.happenings import Happenings
from gateway.metrics.snapshot import Snapshot

if TYPE_CHECKING:
    from gateway.audit.records.events import Cause
    from gateway.audit.records.record import Record

NOW = 1_700_000_000.5
STAMP = 1_700_000_000_500_000


def policy(outcome: str) -> Record:
    return policy_record(
        outcome="loaded" if outcome == "loaded" else "refused",
        listener="egress",
        file="p.yaml",
        name="p",
        digest="sha256:1",
        problems=[],
        now=NOW,
    )


def server(standing: str) -> Record:
    return server_record(upstream="app", server="http://a:1", standing=standing, detail="", now=NOW)


def told(*records: Record) -> tuple[Happenings, Snapshot, list[Record]]:
    written: list[Record] = []
    happenings = Happenings(lambda: NOW)
    append = happenings.heard(written.append)
    for each in records:
        append(each)
    return happenings, Snapshot(happenings.series()), written


def test_what_was_read_again_is_counted_by_what_came_of_it() -> None:
    records = [
        *(policy("loaded"), policy("refused"), policy("refused")),
        configuration_record(outcome="refused", problems=["no"], now=NOW),
    ]
    _, snapshot, written = told(*records)

    assert written == records
    assert snapshot.of(of.RELOADS) == {
        ("policy", "egress", "loaded"): 1,
        ("policy", "egress", "refused"): 2,
        ("configuration", "", "refused"): 1,
    }
    assert snapshot.of(of.RELOADED) == {("policy", "egress"): STAMP}


@pytest.mark.parametrize(
    ("outcome", "cause", "is_success"),
    [
        ("loaded", "list", True),
        ("stale", "start", True),
        ("stale", "age", False),
        ("kept", "list", False),
        ("refused", "list", False),
    ],
)
def test_a_list_was_put_in_force_only_if_it_is_the_one_that_was_read(
    outcome: Literal["loaded", "stale", "kept", "refused"],
    cause: Cause,
    is_success: bool,  # noqa: FBT001 - a row of a table
) -> None:
    read = list_record(
        outcome=outcome, listener="egress", name="ads", entries=1, digest="d", problems=[], now=NOW, cause=cause
    )
    _, snapshot, _ = told(read)

    assert snapshot.of(of.RELOADS) == {("list", "egress", outcome): 1}
    assert snapshot.of(of.RELOADED) == ({("list", "egress"): STAMP} if is_success else {})


def test_a_server_that_is_spared_is_counted_and_one_that_comes_back_is_not() -> None:
    _, snapshot, _ = told(server("ejected"), server("up"), server("ejected"), server("down"))

    assert snapshot.of(of.EJECTIONS) == {("app", "http://a:1"): 2}


def test_gaps_are_counted_and_nothing_else_is_heard() -> None:
    happenings, snapshot, _ = told(
        gap_record(reason="not-exported", detail="", now=NOW), stop_record(cause="told to end", now=NOW)
    )

    assert happenings.gaps == 1
    assert [series for series in snapshot.families.values() if series] == []


def test_what_the_log_does_not_take_did_not_happen() -> None:
    happenings = Happenings(lambda: NOW)

    def full(_: Record) -> int:
        raise AuditUnavailable("full")

    with pytest.raises(AuditUnavailable):
        happenings.heard(full)(policy("loaded"))
    assert Snapshot(happenings.series()).of(of.RELOADS) == {}


def test_whoever_writes_gets_the_number_of_the_record() -> None:
    assert Happenings(lambda: NOW).heard(lambda _: 17)(policy("loaded")) == 17
