from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit.writing.errors import AuditUnavailable
from tests.adapters.scene import Scene
from tests.e2e.gateways import Wire, wired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    """Sets scenes; their logs are closed in the end."""
    opened: list[Scene] = []

    def set_scene(**settings: Any) -> Scene:
        opened.append(Scene(tmp_path / f"audit-{len(opened)}", **settings))
        return opened[-1]

    yield set_scene
    for each in opened:
        with suppress(AuditUnavailable):
            each.writer.close()


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """A gateway and an origin that all tests of a module share."""
    with wired(tmp_path_factory.mktemp("wire")) as wire:
        yield wire


@pytest.fixture
def wire(standing: Wire) -> Wire:
    """The shared gateway, with an origin that has seen nothing yet."""
    return standing.fresh()
