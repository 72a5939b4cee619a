from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from mitmproxy.connection import ConnectionState as Connected
from mitmproxy.flow import Error
from mitmproxy.http import Response
from mitmproxy.test import tflow

from addons.judging.exchange import attach
from addons.judging.recording import Recorder, Recording
from addons.judging.translate import connection_facts
from gateway.audit.records.disclosure import Disclosure
from gateway.audit.writing.errors import AuditUnavailable
from gateway.policy.concurrency import Concurrency
from gateway.policy.model import Decision, Reason, Verdict, refuse
from tests.adapters.scene import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.connection import Client
    from mitmproxy.http import HTTPFlow

    from addons.judging.exchange import Exchange
    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]

ALLOWED = Decision(verdict=Verdict.ALLOW, reason=Reason.ALLOWED_BY_DEFAULT)
HEAD = "POST http://site.example/ HTTP/1.1\nHost: site.example\nContent-Length: 5"


def begin(scene: Scene, client: Client | None = None) -> tuple[Exchange, HTTPFlow]:
    """An exchange nobody has decided on yet."""
    client = client or scene.client()
    exchange = scene.connections.begin(scene.state(client), connection_facts(scene.state(client), NOW))
    flow = scene.flow(client, HEAD)
    attach(flow, exchange)
    return exchange, flow


def admit(scene: Scene, client: Client | None = None) -> tuple[Exchange, HTTPFlow]:
    """An exchange that was allowed and recorded."""
    exchange, flow = begin(scene, client)
    assert asyncio.run(scene.recorder.allowed(exchange, ALLOWED)).allowed
    return exchange, flow


def hooks(scene: Scene) -> Recording:
    """The hooks that see how exchanges end."""
    return Recording(scene.recorder, scene.connections)


def test_an_exchange_has_one_decision_and_one_end(scene: Setter) -> None:
    here = scene()
    exchange, flow = admit(here)
    exchange.status, exchange.up, exchange.down = 200, 5, 12
    here.elapsed = 0.25
    hooks(here).request(flow)
    hooks(here).response(flow)
    hooks(here).response(flow)
    hooks(here).error(flow)
    hooks(here).client_disconnected(flow.client_conn)

    decision, end = here.records()
    assert (decision["event"], decision["id"], end["event"], end["id"]) == ("decision", exchange.id, "end", exchange.id)
    assert (end["status"], end["bytes"], end["seconds"], end["reason"]) == (200, {"up": 5, "down": 12}, 0.25, None)
    assert "decision" not in end


def test_the_end_waits_for_both_halves(scene: Setter) -> None:
    here = scene()
    _, flow = admit(here)
    hooks(here).response(flow)
    before = here.writer.append({"event": "mark"})
    hooks(here).request(flow)

    assert [record["seq"] for record in here.records() if record["event"] == "end"] == [before + 1]


def test_a_refusal_is_a_decision_with_its_status_and_an_end(scene: Setter) -> None:
    here = scene()
    exchange, _ = begin(here)
    here.recorder.refused(exchange, refuse(Reason.NAME_MISMATCH), status=421, down=99)

    decision, end = here.records()
    assert decision["decision"]["status"] == 421
    assert (end["status"], end["bytes"]) == (421, {"up": 0, "down": 99})


def test_what_the_log_does_not_take_is_not_let_through(scene: Setter) -> None:
    here = scene()
    exchange, _ = begin(here)
    places = Concurrency(1, 10)
    lease = places.acquire(("k",))
    here.writer.close()
    stands = asyncio.run(
        here.recorder.allowed(exchange, Decision(verdict=Verdict.ALLOW, reason=Reason.ALLOWED_BY_DEFAULT, lease=lease))
    )

    assert (stands.verdict, stands.reason) == (Verdict.DENY, Reason.AUDIT_UNAVAILABLE)
    assert not exchange.admitted
    assert places.acquire(("k",)) is not None


def test_a_refusal_stands_when_the_log_takes_nothing(scene: Setter) -> None:
    here = scene()
    exchange, _ = begin(here)
    here.writer.close()
    here.recorder.refused(exchange, refuse(Reason.RULE_DENY), status=403, down=0)

    assert exchange.refused
    assert exchange.ended


def test_what_is_still_due_to_be_charged_is_not_let_through(scene: Setter) -> None:
    here = scene()
    exchange, _ = begin(here)
    concurrency = Concurrency(limit=1, capacity=1)
    due: Any = object()
    decision = replace(ALLOWED, due=due, lease=concurrency.acquire(("alice",)))

    stands = asyncio.run(here.recorder.allowed(exchange, decision))

    assert (stands.verdict, stands.reason) == (Verdict.DENY, Reason.UNKNOWN_OBLIGATION)
    assert (concurrency.keys, exchange.admitted) == (0, False)


@pytest.mark.parametrize("ending", ["end", "disconnect", "fail", "websocket"])
def test_the_lease_goes_back_however_an_exchange_ends(ending: str, scene: Setter) -> None:
    here = scene()
    places = Concurrency(1, 10)
    exchange, flow = begin(here)
    lease = places.acquire(("k",))
    asyncio.run(
        here.recorder.allowed(exchange, Decision(verdict=Verdict.ALLOW, reason=Reason.ALLOWED_BY_DEFAULT, lease=lease))
    )
    assert places.acquire(("k",)) is None

    match ending:
        case "end":
            here.recorder.ended(exchange)
        case "disconnect":
            hooks(here).client_disconnected(flow.client_conn)
        case "fail":
            here.recorder.failed(flow.client_conn.id, "responseheaders", ValueError("x"))
        case _:
            hooks(here).websocket_end(flow)
    assert places.acquire(("k",)) is not None


def test_a_client_that_leaves_ends_everything_on_its_connection_once(scene: Setter) -> None:
    here = scene()
    client = here.client()
    admit(here, client)
    admit(here, client)
    hooks(here).client_disconnected(client)
    hooks(here).client_disconnected(client)

    assert len(here.connections) == 0
    assert [record["event"] for record in here.records()] == ["decision", "decision", "end", "end"]


def test_a_client_that_leaves_while_it_is_judged_is_on_record_and_let_through_no_more(scene: Setter) -> None:
    here = scene()
    client = here.client()
    exchange, _ = begin(here, client)
    hooks(here).client_disconnected(client)
    late = asyncio.run(here.recorder.allowed(exchange, ALLOWED))
    here.recorder.refused(exchange, late, status=403, down=1)

    assert (late.denied, late.reason) == (True, Reason.PROTOCOL_REFUSED)
    assert list(here.shapes()) == [("decision", "deny", "protocol-refused"), ("end", None)]


def test_an_upstream_that_breaks_is_told_in_the_end_record(scene: Setter) -> None:
    here = scene()
    _, flow = admit(here)
    flow.client_conn.state = Connected.OPEN
    flow.error = Error("server closed connection")
    hooks(here).error(flow)

    end = here.records()[-1]
    assert (end["event"], end["status"], end["reason"]) == ("end", 502, "upstream-broken")
    assert (end["decision"]["verdict"], end["decision"]["reason"]) == ("deny", "upstream-broken")


def test_an_answer_that_was_never_judged_is_not_what_the_client_saw(scene: Setter) -> None:
    here = scene()
    _, flow = admit(here)
    flow.client_conn.state = Connected.OPEN
    flow.response = Response.make(200)
    flow.error = Error("the answer has two framings")
    hooks(here).error(flow)

    end = here.records()[-1]
    assert (end["status"], end["reason"]) == (502, "upstream-broken")


def test_an_upstream_that_breaks_in_the_middle_keeps_the_status_that_the_client_saw(scene: Setter) -> None:
    here = scene()
    exchange, flow = admit(here)
    flow.response = Response.make(200)
    exchange.status, exchange.down = 200, 7
    flow.error = Error("peer closed connection")
    hooks(here).error(flow)

    end = here.records()[-1]
    assert (end["status"], end["bytes"], end["reason"]) == (200, {"up": 0, "down": 7}, "upstream-broken")


def test_a_client_that_breaks_off_is_no_fault_of_the_upstream(scene: Setter) -> None:
    here = scene()
    _, flow = admit(here)
    flow.client_conn.state = Connected.CLOSED
    flow.error = Error("Client disconnected.")
    hooks(here).error(flow)

    end = here.records()[-1]
    assert (end["status"], end["reason"]) == (None, None)


def test_a_failure_of_the_gateway_refuses_what_is_open_and_keeps_its_words_inside(scene: Setter) -> None:
    here = scene()
    client = here.client()
    begun, _ = begin(here, client)
    admitted, _ = admit(here, client)
    here.recorder.failed(client.id, "requestheaders", ValueError("password=hunter2"))
    here.recorder.failed(client.id, "requestheaders", ValueError("again"))

    log = here.records()
    assert "hunter2" not in str(log)
    reasons: set[tuple[object, object, object]] = {
        (record["id"], record["event"], record["decision"]["reason"])
        for record in log
        if isinstance(record.get("decision"), dict)
    }
    assert (begun.id, "decision", "internal-error") in reasons
    assert (admitted.id, "end", "internal-error") in reasons
    assert [record["id"] for record in log if record["event"] == "end"].count(begun.id) == 1
    assert [record["id"] for record in log if record["event"] == "end"].count(admitted.id) == 1


def test_a_failure_before_any_request_is_recorded_on_its_own(scene: Setter) -> None:
    here = scene()
    here.recorder.failed(here.client().id, "client_connected", ValueError("x"))

    assert list(here.shapes()) == [("decision", "deny", "internal-error"), ("end", None)]


def test_messages_of_a_websocket_are_counted_and_let_go(scene: Setter) -> None:
    here = scene()
    exchange, _ = admit(here)
    flow = tflow.twebsocketflow()
    attach(flow, exchange)
    assert flow.websocket is not None
    sizes = [(message.from_client, len(message.content)) for message in flow.websocket.messages]
    every, flow.websocket.messages = flow.websocket.messages, []
    for message in every:
        flow.websocket.messages.append(message)
        hooks(here).websocket_message(flow)

    assert exchange.up == sum(size for from_client, size in sizes if from_client)
    assert exchange.down == sum(size for from_client, size in sizes if not from_client)
    assert len(flow.websocket.messages) == 1


def test_a_client_that_asks_for_nothing_leaves_a_record_of_its_connection_and_once(scene: Setter) -> None:
    here = scene()
    client = here.client()
    here.state(client)
    here.elapsed = 0.5
    hooks(here).client_disconnected(client)
    hooks(here).client_disconnected(client)

    (record,) = here.records()
    assert (record["event"], record["outcome"], record["reason"]) == ("connection", "closed", None)
    assert record["client"] == {"ip": "192.0.2.1", "port": 51000}
    assert record["bytes"] == {"up": 0, "down": 0}


def test_a_connection_that_is_ended_for_what_was_done_on_it_is_told_with_the_decision_about_it(scene: Setter) -> None:
    here = scene()
    client = here.client()
    exchange, _ = begin(here, client)
    here.recorder.refused(exchange, refuse(Reason.PROTOCOL_REFUSED, "It said `s3cret`."), status=None, down=0)
    hooks(here).client_disconnected(client)

    decision, end, record = here.records()
    assert decision["id"] == end["id"] == record["id"]
    assert (record["outcome"], record["reason"]) == ("refused", "protocol-refused")
    assert record["detail"] == "It said `REDACTED`."


def test_where_clients_are_not_named_no_record_names_one(scene: Setter) -> None:
    here = scene()
    hidden = Disclosure(client=lambda *_: "somebody")
    recorder = Recorder(here.writer, here.connections, lambda: NOW, disclosure=hidden)
    exchange, _ = begin(here)
    exchange.recorded, exchange.outcome = True, refuse(Reason.UPSTREAM_BROKEN, "It said 192.0.2.1 was too slow.")
    recorder.ended(exchange)
    recorder.unasked(exchange.connection)

    end, connection = here.records()
    assert end["decision"]["detail"] == "It said somebody was too slow."
    assert connection["client"] == {"ip": "somebody", "port": None}


def test_a_client_that_cannot_be_named_is_let_through_no_more(scene: Setter) -> None:
    here = scene()

    def unnamed(*_: object) -> str:
        raise AuditUnavailable("there is no key of this month")

    recorder = Recorder(here.writer, here.connections, lambda: NOW, disclosure=Disclosure(client=unnamed))
    exchange, _ = begin(here)

    decision = asyncio.run(recorder.allowed(exchange, ALLOWED))

    assert (decision.verdict, decision.reason) == (Verdict.DENY, Reason.AUDIT_UNAVAILABLE)
    assert here.records() == []
