from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from addons.workers.shares import share_of
from gateway.config.settings import CacheSettings, DiskSettings, RouteSettings
from tests.unit.config.objections import APP, REVERSE, read

MIB = 1024 * 1024


def test_every_worker_keeps_its_part_of_answers_in_a_folder_of_its_own() -> None:
    settings = read(f"{APP}listeners: [{REVERSE}routes: [{{upstream: app}}]}}]\nworkers: 4\n")
    kept = CacheSettings(size=64 * MIB, disk=DiskSettings(size=400 * MIB, entries=1000))
    elsewhere = CacheSettings(size=2 * MIB, disk=DiskSettings(size=2 * MIB, entries=2, path=Path("elsewhere")))
    routes = (RouteSettings(upstream="app", cache=kept), RouteSettings(upstream="app", cache=elsewhere))
    settings = replace(settings, listeners=(replace(settings.listeners[0], routes=routes),))

    one, other = (share_of(settings, 3).listeners[0].routes[number].cache for number in (0, 1))

    assert one == replace(
        kept, size=16 * MIB, disk=DiskSettings(size=100 * MIB, entries=250, path=settings.state / "cache/worker-3")
    )
    assert other is not None
    assert other.size == MIB, "never less than the largest answer"
    assert other.disk == DiskSettings(size=MIB, entries=1, path=Path("elsewhere/worker-3"))


def test_whoever_keeps_no_answers_gets_the_settings_as_they_are() -> None:
    settings = read(f"{APP}listeners: [{REVERSE}routes: [{{upstream: app}}]}}]\nworkers: 2\n")

    assert share_of(settings, 2) == settings
