from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from addons.connections.fail_closed import HOOKS, hook_table
from addons.judging.recording import Recorder
from addons.judging.settling import Settling
from addons.judging.translate import connection_facts
from gateway.policy.model import Reason, refuse
from tests.adapters.scene import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]


def refused_by(recorder: Recorder, here: Scene) -> None:
    """Something is refused on a new connection."""
    state = here.state(here.client())
    exchange = here.connections.begin(state, connection_facts(state, NOW))
    recorder.refused(exchange, refuse(Reason.RULE_DENY), status=403, down=0)


def test_a_refusal_is_on_the_disk_when_its_hook_is_over(scene: Setter) -> None:
    here = scene()
    recorder = Recorder(here.writer, here.connections, here.now, here.writer.append_durable)
    last = Settling(recorder)
    assert last.requestheaders(None) is None

    async def refuse_and_wait() -> int:
        refused_by(recorder, here)
        pending = last.requestheaders(None)
        assert pending is not None
        await pending
        return here.writer.waiting

    assert asyncio.run(refuse_and_wait()) <= 1  # the end of the exchange may still be on its way
    assert last.requestheaders(None) is None
    assert [each["event"] for each in here.records()] == ["decision", "end"]


def test_a_refusal_stands_although_it_cannot_be_recorded(scene: Setter) -> None:
    here = scene()
    recorder = Recorder(here.writer, here.connections, here.now, here.writer.append_durable)
    here.writer.close()

    refused_by(recorder, here)

    assert Settling(recorder).requestheaders(None) is None


def test_nothing_waits_where_nobody_asked_for_it(scene: Setter) -> None:
    here = scene()

    refused_by(here.recorder, here)

    assert here.recorder.settled() is None


def test_every_hook_that_can_refuse_something_waits(scene: Setter) -> None:
    table = hook_table([Settling(scene().recorder)])

    assert set(table) < set(HOOKS)
    assert {"client_connected", "unreadable_head", "http_connect", "requestheaders", "tunnel_hello"} < set(table)
