from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from addons.workers.pen import Pen
from gateway.audit.writing.backlog import UNRECORDED
from gateway.audit.writing.text import Text
from tests.unit.audit.logs import whole_log

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.writing.writer import AuditWriter

OF_ALL = ("policy", "list", "configuration", "trust", "certificates", "authority")


@pytest.mark.parametrize("event", OF_ALL)
def test_what_all_load_is_written_down_by_the_one_that_leads(event: str, directory: Path, log: AuditWriter) -> None:
    leader, follower = Pen(log, 1, leads=True), Pen(log, 2)

    assert (leader.append({"time": "", "event": event}), follower.append({"time": "", "event": event})) == (
        1,
        UNRECORDED,
    )
    follower.leads = True
    assert follower.append({"time": "", "event": event}) == 2
    log.close()
    assert [each["event"] for each in whole_log(directory)] == [event, event]


def test_how_a_server_stands_bears_the_number_of_who_found_it(directory: Path, log: AuditWriter) -> None:
    pen = Pen(log, 2)
    pen.append({"time": "", "event": "server", "standing": "down"})
    pen.append({"time": "", "event": "decision"})
    pen.append(Text(b'"time":"","event":"decision"}', must=True))
    pen.close()

    assert [each.get("worker") for each in whole_log(directory)] == [2, None, None]


def test_what_was_ordered_is_held_for_the_supervisor_by_the_task_that_carries_it_out(
    directory: Path, log: AuditWriter
) -> None:
    pen = Pen(log, 2)
    order = {"time": "", "event": "admin", "count": 1}

    async def carry_out(count: int) -> list[object]:
        with pen.holding() as held:
            await asyncio.sleep(0)
            pen.append({**order, "count": count})
            await asyncio.sleep(0)
        return list(held)

    async def both() -> list[list[object]]:
        return list(await asyncio.gather(carry_out(1), carry_out(2)))

    assert asyncio.run(both()) == [[order], [{**order, "count": 2}]]
    pen.append({**order, "count": 3})
    pen.close()
    assert [each["count"] for each in whole_log(directory)] == [3]


def test_in_all_else_it_is_the_log_behind_it(directory: Path, log: AuditWriter) -> None:
    pen = Pen(log, 1)

    assert (pen.healthy, pen.trouble, pen.waits) == (True, None, log.waits)
    assert pen.append_durable({"time": "", "event": "note"}).result(5) == 1
    assert asyncio.run(pen.record({"time": "", "event": "note"})) == 2
    pen.close()
    assert (pen.waiting, len(whole_log(directory))) == (0, 2)
