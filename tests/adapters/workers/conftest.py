from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from addons.workers.crew import Crew, Shared
from addons.workers.crowd import SECRET, make_shared
from addons.workers.sockets import all_of, open_places
from gateway.audit.writing.writer import AuditWriter
from gateway.limits.shared import SharedTable
from tests.e2e.gateways import Scenery
from tests.unit.audit.logs import QUICK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.config.settings import Settings


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "audit"


@pytest.fixture
def log(directory: Path) -> Iterator[AuditWriter]:
    writer = AuditWriter(directory, QUICK)
    writer.start()
    yield writer
    writer.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Scenery(folder=tmp_path, origin=1).settings()


@pytest.fixture
def crew(settings: Settings, log: AuditWriter, tmp_path: Path, said: list[str]) -> Iterator[Crew]:
    """Workers who cannot reach a log: nobody takes records there."""
    places = open_places(settings.listeners, 2, [])
    shared = Shared(
        places=places,
        folder=os.open(tmp_path, os.O_RDONLY),
        log=tmp_path / "nobody.sock",
        memory=make_shared(2, settings.limits.connections),
        limits=SharedTable.create(2),
        secret=bytes(SECRET),
    )
    yield Crew(settings, shared, log, said.append)
    os.close(shared.folder)
    os.close(shared.memory)
    shared.limits.close()
    for each in all_of(places):
        each.close()


@pytest.fixture
def said() -> list[str]:
    return []
