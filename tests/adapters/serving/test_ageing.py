from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from addons.serving.ageing import Ageing
from addons.serving.listeners import Listener
from gateway.audit.writing.errors import AuditUnavailable
from gateway.config.settings import ListenerSettings
from gateway.control.store import PolicyStore
from gateway.policy.addresses import Address
from gateway.policy.model import Mode
from gateway.upstreams.parents import ParentTable

if TYPE_CHECKING:
    from gateway.audit.records.record import Record

DAY = 86_400.0
POLICY = """version: 1
default: {action: allow}
lists: {ads: {type: domain, format: plain, match: is, file: ads.txt, max_age: 1d}}
rules: [{id: no-ads, action: deny, reason: Ads, when: {host: {in: ["@ads"]}}}]
"""


@dataclass
class Log:
    """Takes records, if it is not full."""

    taken: list[Record] = field(default_factory=list)
    is_full: bool = False

    def append(self, record: Record) -> None:
        if self.is_full:
            raise AuditUnavailable("the audit queue is full")
        self.taken.append(record)


def listener(folder: Path, name: str, log: Log, now: list[float]) -> Listener:
    policy = folder / f"{name}.yaml"
    policy.write_text(POLICY)
    settings = ListenerSettings(name=name, mode=Mode.FORWARD, bind=(Address.parse("127.0.0.1"), 0), policy=policy)
    store = PolicyStore(settings, folder / "state", own=frozenset(), clock=lambda: now[0], record=log.append)
    store.start()
    return Listener(settings=settings, store=store, routes=None, parents=ParentTable.of(name, (), {}))


@pytest.fixture
def now(tmp_path: Path) -> list[float]:
    (tmp_path / "ads.txt").write_text("ads.example\n")
    os.utime(tmp_path / "ads.txt", (1_795_392_000.0, 1_795_392_000.0))
    return [1_795_392_000.0]


def test_the_lists_of_every_listener_are_told_of_once_when_they_become_too_old(
    tmp_path: Path, now: list[float]
) -> None:
    log, said = Log(), list[str]()
    ageing = Ageing([listener(tmp_path, name, log, now) for name in ("one", "two")], said.append)

    asyncio.run(ageing.look())
    assert said == []
    now[0] += 2 * DAY
    log.is_full = True
    asyncio.run(ageing.look())
    assert said == []
    log.is_full = False
    for _ in range(3):
        asyncio.run(ageing.look())

    assert [Path(each.partition(":")[0]).name for each in said] == ["one.yaml", "two.yaml"]
    assert all("`ads.txt` is 2 d old, `max_age` is 1 d; it stays in force" in each for each in said)
    stale = [each for each in log.taken if each.get("outcome") == "stale"]
    assert [each["listener"] for each in stale] == ["one", "two"]
