from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mitmproxy.connection import Client, Server

from addons.judging.exchange import aboard, attach, board, disembark, exchange_of, known
from addons.judging.translate import connection_facts
from gateway.policy.addresses import Address
from gateway.policy.concurrency import Concurrency
from gateway.policy.errors import Malformed
from gateway.policy.model import ABSENT, UNKNOWN, Decision, Mode, Reason, Verdict, refuse
from tests.adapters.scene import ALLOW, NOW, gate_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]

ALLOWED = Decision(verdict=Verdict.ALLOW, reason=Reason.ALLOWED_BY_DEFAULT)
PLACE = ("site.example", 80)


def test_a_connection_keeps_the_policy_that_it_opened_with(scene: Setter) -> None:
    here = scene()
    before = here.client()
    here.listener.store.current = gate_of(ALLOW.replace("open", "newer"), Mode.FORWARD)
    after = here.client()

    assert here.state(before).gate.policy.name == "open"
    assert here.state(after).gate.policy.name == "newer"


def test_a_peer_without_an_address_is_not_remembered(scene: Setter) -> None:
    here = scene()
    client = Client(peername=("fe80::1%eth0", 1), sockname=("127.0.0.1", 8080))

    with pytest.raises(Malformed):
        here.connections.opened(client, here.listener)
    assert len(here.connections) == 0


def test_a_connection_that_was_never_opened_here_is_an_error(scene: Setter) -> None:
    with pytest.raises(KeyError):
        scene().connections.state("unknown")


def test_a_lease_goes_back_once(scene: Setter) -> None:
    here = scene()
    state = here.state(here.client())
    places = Concurrency(1, 10)
    lease = places.acquire(("k",))
    exchange = here.connections.begin(state, connection_facts(state, NOW))
    exchange.decision = Decision(verdict=Verdict.ALLOW, reason=Reason.ALLOWED_BY_DEFAULT, lease=lease)
    exchange.release()
    second = places.acquire(("k",))
    exchange.release()

    assert second is not None
    assert places.acquire(("k",)) is None


@pytest.mark.parametrize(
    ("may", "recorded", "decision"),
    [
        (True, True, ALLOWED),
        (False, False, ALLOWED),
        (False, True, refuse(Reason.RULE_DENY)),
        (False, True, None),
    ],
)
def test_only_an_exchange_whose_allow_is_on_record_may_dial(
    *, may: bool, recorded: bool, decision: Decision | None, scene: Setter
) -> None:
    here = scene()
    state = here.state(here.client())
    exchange = here.connections.begin(state, connection_facts(state, NOW))
    exchange.endpoint, exchange.decision, exchange.recorded = PLACE, decision, recorded

    assert may is (state.going_to(PLACE) is exchange)
    assert may is not exchange.refused
    assert state.going_to(("other.example", 80)) is None


def test_standing_connections_are_known_until_the_last_of_them_is_gone(scene: Setter) -> None:
    here = scene()
    state = here.state(here.client())
    first, second = Address.parse("192.0.2.10"), Address.parse("192.0.2.11")
    state.linked(PLACE, "s1", first)
    state.linked(PLACE, "s2", second)
    state.linked(PLACE, "s3", first)
    assert state.reached_at(PLACE) == (first, second)

    for server in ("s1", "s2", "s3", "s3"):
        state.unlinked(PLACE, server)
    assert state.reached_at(PLACE) == ()
    assert state.links == {}


def test_a_flow_finds_its_exchange_and_no_other(scene: Setter) -> None:
    here = scene()
    client = here.client()
    flow = here.flow(client, "GET http://site.example/ HTTP/1.1\nHost: site.example")
    assert exchange_of(flow) is None

    exchange = here.connections.begin(here.state(client), connection_facts(here.state(client), NOW))
    attach(flow, exchange)
    assert exchange_of(flow) is exchange


def test_what_has_to_be_known_is_never_taken_for_granted() -> None:
    assert known(5) == 5
    for missing in (UNKNOWN, ABSENT):
        with pytest.raises(LookupError):
            known(missing)


def test_exchanges_wait_for_a_connection_until_it_stands() -> None:
    server = Server(address=("site.example", 443))
    first, second = object(), object()
    board(server, first)  # type: ignore[arg-type]  # what they are is no business of the waiting room
    board(server, second)  # type: ignore[arg-type]  # what they are is no business of the waiting room
    waiting = aboard(server)
    disembark(server)

    assert waiting == (first, second)
    assert aboard(server) == ()
