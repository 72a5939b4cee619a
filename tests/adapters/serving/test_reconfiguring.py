from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from addons.serving.composition import Engine, compose
from addons.serving.reconfiguring import take_up
from gateway.audit.reading.reader import records
from gateway.audit.writing.errors import AuditUnavailable
from gateway.config.digest import digest_of
from gateway.config.quick import Reverse, quick_settings
from gateway.config.settings import RouteSettings, Settings
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    policy = tmp_path / "open.yaml"
    policy.write_text("version: 1\nname: open\ndefault: {action: allow}\n")
    reverse = Reverse(policy=policy, urls=("http://127.0.0.1:8000",), listen="127.0.0.1:8081")
    return quick_settings(reverse=reverse, state=tmp_path / "state")


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    made = compose(settings)
    made.writer.start()
    yield made
    made.writer.close()
    made.resolver.close()


def routed(settings: Settings, *routes: RouteSettings) -> Settings:
    (listener,) = settings.listeners
    return replace(settings, listeners=(replace(listener, routes=routes),))


def shown(engine: Engine) -> list[str]:
    table = engine.listeners[0].routes
    assert table is not None
    return [str(each.claim) for each in table.in_order()]


def test_new_routes_are_written_down_and_in_force(engine: Engine, settings: Settings) -> None:
    name = next(iter(settings.upstreams))
    wanted = routed(settings, RouteSettings(upstream=name, prefixes=("/api",)))

    assert take_up(engine, wanted, "signal") == ["routes and upstreams were read again"]
    assert "/api" in shown(engine)[0]
    engine.writer.close()
    (record,) = [each for each in records(settings.state / "audit") if each["event"] == "configuration"]
    assert (record["outcome"], record["problems"]) == ("loaded", [])
    assert record["settings"] == digest_of(wanted) != digest_of(settings)


def test_routes_that_cannot_be_change_nothing(engine: Engine, settings: Settings) -> None:
    before = shown(engine)
    with pytest.raises(Malformed, match="`nobody`"):
        take_up(engine, routed(settings, RouteSettings(upstream="nobody", prefixes=("/api",))), "signal")

    assert shown(engine) == before


def test_what_cannot_be_written_down_does_not_take_effect(engine: Engine, settings: Settings) -> None:
    before = shown(engine)
    engine.writer.close()
    with pytest.raises(AuditUnavailable):
        take_up(engine, routed(settings, RouteSettings(upstream="app", prefixes=("/api",))), "signal")

    assert shown(engine) == before
