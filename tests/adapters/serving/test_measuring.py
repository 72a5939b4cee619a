"""What a gateway that was put together and started, without a socket, tells of itself."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from addons.serving.composition import Engine, compose
from addons.serving.measuring import Measuring, of_owner
from gateway.audit.export.health import Health
from gateway.audit.writing.intake import Figures
from gateway.metrics import families as of
from gateway.metrics.exposition import render
from gateway.metrics.families import GRAIN
from tests.e2e.gateways import Scenery
from tests.unit.metrics import numbers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


LISTED: Final = """
lists:
  ads: {type: domain, match: is, file: ads.txt}
  few: {type: domain, match: is, items: [a.example, b.example]}
rules:
  - {id: no-ads, action: deny, reason: Ads, when: {host: {in: ["@ads"]}}}
  - {id: no-few, action: deny, reason: Few, when: {host: {in: ["@few"]}}}
limits:
  - {id: per-client, key: [client.ip], rate: 5/min}
"""


@contextmanager
def started(folder: Path, policy: str = "") -> Iterator[Engine]:
    engine = compose(Scenery(folder=folder, origin=1, policy=policy).settings())
    engine.writer.start()
    try:
        for listener in engine.listeners:
            listener.store.start()
        engine.trust.start()
        yield engine
    finally:
        engine.writer.close()
        engine.resolver.close()


def number(measuring: Measuring, family: of.Family, *labels: str) -> int:
    return numbers.number(measuring.snapshot(), family, *labels)


def test_lists_tell_how_many_entries_they_have_and_files_how_old_they_are(tmp_path: Path) -> None:
    (tmp_path / "ads.txt").write_text("ads.example\nmore.example\n", "utf-8")
    os.utime(tmp_path / "ads.txt", (1_000_000, 1_000_000))
    with started(tmp_path, LISTED) as engine:
        snapshot = engine.measuring.snapshot()

    assert snapshot.of(of.LIST_ENTRIES) == {
        (listener, name): 2 for listener in ("forward", "reverse") for name in ("ads", "few")
    }
    assert snapshot.of(of.LIST_MODIFIED) == {
        (listener, "ads"): 1_000_000 * GRAIN for listener in ("forward", "reverse")
    }


def test_limits_tell_how_full_they_are(tmp_path: Path) -> None:
    (tmp_path / "ads.txt").write_text("ads.example\n", "utf-8")
    with started(tmp_path, LISTED) as engine:
        gate = engine.listeners[0].store.current
        gate.limits.charge([limit.spec for limit in gate.policy.limits], [("10.0.0.1",)], time.time())
        snapshot = engine.measuring.snapshot()

    assert snapshot.of(of.LIMIT_KEYS) == {("forward", "per-client"): 1, ("reverse", "per-client"): 0}
    assert snapshot.of(of.LIMIT_CAPACITY)["forward", "per-client"] == 100_000


def test_the_policy_in_force_is_named_and_its_reading_was_counted(tmp_path: Path) -> None:
    with started(tmp_path) as engine:
        snapshot = engine.measuring.snapshot()
        digest = engine.listeners[0].store.current.policy.digest

    assert snapshot.of(of.POLICY)["forward", "open", digest] == 1
    assert snapshot.of(of.RELOADS)["policy", "forward", "loaded"] == 1
    assert numbers.number(snapshot, of.RELOADED, "policy", "forward") > 0
    assert numbers.number(snapshot, of.POLICY_LOAD, "forward") > 0


def test_a_policy_that_is_refused_is_counted_and_the_last_success_stays(tmp_path: Path) -> None:
    with started(tmp_path) as engine:
        before = number(engine.measuring, of.RELOADED, "policy", "forward")
        (tmp_path / "policy.yaml").write_text("version: 1\nnonsense: true\n", "utf-8")
        engine.listeners[0].store.reload("signal")

        assert number(engine.measuring, of.RELOADS, "policy", "forward", "refused") == 1
        assert number(engine.measuring, of.RELOADED, "policy", "forward") == before


def test_servers_tell_how_they_stand(tmp_path: Path) -> None:
    with started(tmp_path) as engine:
        (fleet,) = engine.pools
        fleet.pool.drain(fleet.pool.members[0].name)
        snapshot = engine.measuring.snapshot()

    assert snapshot.of(of.SERVERS) == {("app", state): 0 for state in ("up", "down", "ejected", "draining")}
    assert snapshot.of(of.SERVER_UP) == {}
    assert snapshot.of(of.QUEUE) == {("app",): 0}


def test_the_authority_tells_when_it_expires(tmp_path: Path) -> None:
    with started(tmp_path) as engine:
        expiry = number(engine.measuring, of.EXPIRY, "authority", "", "")
        assert engine.signing is not None
        assert expiry == int(engine.signing.store.current.not_after.timestamp() * GRAIN)


def test_exporters_tell_how_far_behind_they_are() -> None:
    health = Health(name="siem", state="failing", seq=3, waiting=7, seconds=1.5, missing=2)
    measuring = Measuring(exporters=lambda: (health,))

    assert number(measuring, of.EXPORT_WAITING, "siem") == 7
    assert number(measuring, of.EXPORT_LAG, "siem") == 1_500_000
    assert number(measuring, of.EXPORT_MISSING, "siem") == 2
    assert number(measuring, of.EXPORT_SENDING, "siem") == 0


def test_the_log_tells_how_it_does(tmp_path: Path) -> None:
    with started(tmp_path) as engine:
        assert number(engine.measuring, of.AUDIT_HEALTHY) == 1
        assert [number(engine.measuring, each) for each in (of.AUDIT_GAPS, of.AUDIT_REFUSED, of.AUDIT_UNRECORDED)] == [
            *(0, 0, 0)
        ]
    assert number(engine.measuring, of.AUDIT_HEALTHY) == 0
    assert number(engine.measuring, of.AUDIT_WAITING) == 0
    synced = number(engine.measuring, of.AUDIT_SYNCED)
    assert isinstance(synced, int)
    assert 0 < synced <= time.time() * GRAIN


def test_the_process_tells_of_itself_even_before_there_is_an_engine() -> None:
    measuring = Measuring()

    assert number(measuring, of.PROCESSES) == 1
    assert 0 < time.time() - number(measuring, of.STARTED) / GRAIN < time.clock_gettime(time.CLOCK_BOOTTIME)
    assert number(measuring, of.MEMORY) > 10_000_000
    assert number(measuring, of.CPU) > 0
    assert 0 < number(measuring, of.FDS) <= number(measuring, of.MOST_FDS)


def test_everything_that_is_told_can_be_shown(tmp_path: Path) -> None:
    with started(tmp_path) as engine:
        text, _ = render(engine.measuring.snapshot())

    assert text.count(b"# TYPE wicketgate_") > 20


def test_who_serves_nothing_tells_of_itself_and_of_the_log_alone() -> None:
    found = of_owner(Figures(healthy=True, waiting=3), ())

    assert (found.of(of.AUDIT_HEALTHY), found.of(of.AUDIT_WAITING)) == ({(): 1}, {(): 3})
    assert set(found.of(of.CPU)) == {()}
    assert found.of(of.PROCESSES) == {}
