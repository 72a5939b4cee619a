from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.audit.proof.store import FOLDER, Store
from tests.unit.audit.proof.proved import Clock

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "audit"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / FOLDER)
    store.prepare()
    return store
