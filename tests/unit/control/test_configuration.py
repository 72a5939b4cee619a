from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.config.endpoints import parse_server
from gateway.config.settings import (
    CacheSettings,
    LimitSettings,
    ListenerSettings,
    RouteSettings,
    Settings,
    UpstreamSettings,
)
from gateway.control.configuration import tables, what_waits
from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed
from gateway.policy.model import Mode
from gateway.upstreams.pools.rules import PoolRules, QueueRules

APP: Final = UpstreamSettings(name="app", servers=(parse_server("http://127.0.0.1:8000"),))
NEW: Final = UpstreamSettings(name="new", servers=(parse_server("http://127.0.0.1:9000"),))


def shop(*routes: RouteSettings, **more: Any) -> ListenerSettings:
    return ListenerSettings(
        name="shop",
        mode=Mode.REVERSE,
        bind=(Address.parse("127.0.0.1"), 8081),
        policy=Path("api.yaml"),
        **more,
        routes=routes or (RouteSettings(upstream="app"),),
    )


def egress() -> ListenerSettings:
    return ListenerSettings(
        name="egress", mode=Mode.FORWARD, bind=(Address.parse("127.0.0.1"), 8080), policy=Path("corporate.yaml")
    )


def configured(*listeners: ListenerSettings, **more: Any) -> Settings:
    return Settings(listeners=listeners or (shop(), egress()), upstreams={"app": APP, "new": NEW}, **more)


BEFORE: Final = configured()


def test_every_reverse_listener_that_runs_gets_its_routes() -> None:
    after = configured(shop(RouteSettings(upstream="new")), egress(), replace(shop(), name="other"))

    found = tables(BEFORE, after)

    assert set(found) == {"shop"}
    assert found["shop"].upstreams == {"new"}


@pytest.mark.parametrize(
    ("routes", "why"),
    [
        ((RouteSettings(upstream="nobody"),), "a route names `nobody`, no upstream has it"),
        ((RouteSettings(upstream="app"), RouteSettings(upstream="new")), "two routes claim the same"),
        ((RouteSettings(upstream="app", cache=CacheSettings()),), "the first route with a `cache` needs a new start"),
    ],
    ids=["unknown upstream", "the same twice", "first cache"],
)
def test_routes_that_cannot_be_are_refused(routes: tuple[RouteSettings, ...], why: str) -> None:
    with pytest.raises(Malformed, match=why):
        tables(BEFORE, configured(shop(*routes), egress()))


def test_a_longer_line_than_any_at_the_start_is_refused_and_a_shorter_one_is_not() -> None:
    def waiting(seconds: float) -> Settings:
        return replace(BEFORE, upstreams={"app": replace(APP, rules=PoolRules(queue=QueueRules(timeout=seconds)))})

    with pytest.raises(Malformed, match=r"a `queue\.timeout` of 30 s needs a new start"):
        tables(BEFORE, waiting(30.0))
    assert set(tables(BEFORE, waiting(1.0))) == {"shop"}


def test_a_gateway_that_keeps_answers_may_keep_others() -> None:
    kept = RouteSettings(upstream="app", cache=CacheSettings())
    more = replace(kept, prefixes=("/static",))

    assert set(tables(configured(shop(kept)), configured(shop(kept, more)))) == {"shop"}


def test_what_is_the_same_or_taken_up_waits_for_nothing() -> None:
    after = replace(configured(shop(RouteSettings(upstream="new")), egress()), upstreams={"new": NEW})

    assert what_waits(BEFORE, after) == []


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (
            configured(limits=LimitSettings(head=1024)),
            "`limits` has changed: that takes effect at the next start",
        ),
        (
            configured(shop(http2=False), egress()),
            "listener `shop`: `http2` has changed: that takes effect at the next start",
        ),
        (configured(shop()), "listener `egress` was left out: it stays until the next start"),
        (
            configured(shop(), egress(), replace(egress(), name="more")),
            "listener `more` is new: it takes effect at the next start",
        ),
    ],
    ids=["a key", "a listener's key", "left out", "new"],
)
def test_whatever_else_differs_is_named(after: Settings, said: str) -> None:
    assert what_waits(BEFORE, after) == [said]


TAKEN_UP: Final = {
    Settings: {"listeners", "upstreams", "written"},
    ListenerSettings: {"name", "routes", "policy"},
}
"""What a reload takes apart, or up: routes and upstreams, and where policies lie. All else must be named."""


class Other:
    """A value that differs from every other one."""


@pytest.mark.parametrize("key", sorted({each.name for each in fields(Settings)} - TAKEN_UP[Settings]))
def test_every_key_of_the_configuration_is_taken_up_or_named(key: str) -> None:
    changed: Any = {key: Other()}

    assert what_waits(BEFORE, replace(BEFORE, **changed)) == [
        f"`{key}` has changed: that takes effect at the next start"
    ]


@pytest.mark.parametrize("key", sorted({each.name for each in fields(ListenerSettings)} - TAKEN_UP[ListenerSettings]))
def test_every_key_of_a_listener_is_taken_up_or_named(key: str) -> None:
    changed: Any = {key: Other()}

    after = configured(replace(shop(), **changed), egress())

    assert what_waits(BEFORE, after) == [f"listener `shop`: `{key}` has changed: that takes effect at the next start"]
