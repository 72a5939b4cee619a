from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from addons.judging.remembered import KnownRequest
from addons.judging.repeated import first_word, where_to
from addons.judging.translate import Head, request_head
from gateway.config.settings import LimitSettings
from gateway.policy.model import Decision, Mode, Pending
from tests.adapters.requests import request_of
from tests.adapters.scene import ALLOW, NOW, PLAIN, Scene, gate_of

if TYPE_CHECKING:
    from collections.abc import Callable

TIMED = ALLOW + "rules: [{id: nights, action: deny, reason: R, when: {time: {days: mon-fri, zone: Europe/Berlin}}}]\n"
DENIED = ALLOW + "rules: [{id: no-a, action: deny, reason: Not a, when: {path: {prefix: [/a]}}}]\n"


class Asked:
    """One request that comes again and again, behind a reverse listener with a policy."""

    def __init__(self, here: Scene) -> None:
        client = here.client()
        self.here, self.known = here, KnownRequest(b"raw", request_of(PLAIN))
        self.state, self.flow = here.state(client), here.flow(client, PLAIN)

    def again(self) -> Decision | Pending:
        self.flow.request = self.known.again()
        head = request_head(self.state, self.flow, NOW, LimitSettings())
        assert isinstance(head, Head)
        exchange = self.here.connections.begin(self.state, head.facts)
        self.goes = where_to(self.state, self.flow.request, head.facts)
        return first_word(exchange, self.flow.request, head.facts)


@pytest.mark.parametrize("policy", [ALLOW, DENIED])
def test_the_same_gate_says_the_same_of_the_same_head(policy: str, scene: Callable[..., Scene]) -> None:
    asked = Asked(scene(mode=Mode.REVERSE, policy=policy))
    first, goes = asked.again(), asked.goes

    assert asked.again() is first
    assert asked.goes is goes
    assert isinstance(first, Decision) is (policy == DENIED)


def test_another_gate_is_asked_again(scene: Callable[..., Scene]) -> None:
    asked = Asked(scene(mode=Mode.REVERSE))
    first = asked.again()
    asked.here.listener.store.current = gate_of(DENIED, Mode.REVERSE)
    second = asked.again()

    assert isinstance(first, Pending)
    assert isinstance(second, Decision)
    assert (second.denied, second.rule) == (True, "no-a")


def test_a_policy_that_looks_at_the_clock_is_asked_each_time(scene: Callable[..., Scene]) -> None:
    asked = Asked(scene(mode=Mode.REVERSE, policy=TIMED))
    asked.again()

    assert asked.known.early is None


def test_in_forward_mode_the_way_is_looked_up_each_time(scene: Callable[..., Scene]) -> None:
    asked = Asked(scene())
    asked.again()

    assert asked.known.goes is None
