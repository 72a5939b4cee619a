from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from addons.workers.crowd import SECRET, make_shared
from addons.workers.hand import NotBroughtUp, hired, how
from addons.workers.place import Place
from addons.workers.wire import Gone
from gateway.limits.shared import SharedTable

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.config.settings import Settings


@pytest.fixture
def place(settings: Settings, tmp_path: Path) -> Place:
    """A place without sockets, whose log nobody takes records for."""
    return Place(
        number=2,
        version="0",
        configuration=None,
        settings=settings,
        latest=None,
        sockets=[[], []],
        folder=os.open(tmp_path, os.O_RDONLY),
        log=tmp_path / "nobody.sock",
        shared=make_shared(2, 10),
        limits=SharedTable.create(2).fd,
        secret=bytes(SECRET),
        again=False,
    )


@pytest.mark.parametrize(("wanted", "code"), [("killed by SIGKILL", -9), ("it ended with code 3", 3)])
def test_how_a_worker_ended_is_said_in_words(wanted: str, code: int) -> None:
    assert how(code) == wanted


def test_a_worker_that_cannot_serve_says_why_and_is_gone(place: Place) -> None:
    async def start() -> tuple[str, ...]:
        hand = await hired(place, lambda _number, _sentence: None, lambda _cause: None)
        with pytest.raises(NotBroughtUp) as refused:
            await hand.prepare(leads=True)
        assert await hand.over() == "it ended with code 2"
        with pytest.raises(Gone):
            await hand.ask("order")
        return refused.value.problems

    [problem] = asyncio.run(start())

    assert problem.startswith(f"audit: cannot reach the writer at `{place.log}`")


def test_a_worker_that_is_killed_while_it_starts_is_told_so(place: Place) -> None:
    async def start() -> tuple[str, ...]:
        hand = await hired(place, lambda _number, _sentence: None, lambda _cause: None)
        hand.kill()
        with pytest.raises(NotBroughtUp) as refused:
            await hand.prepare(leads=True)
        await hand.over()
        hand.kill()
        return refused.value.problems

    assert asyncio.run(start()) == ("worker 2 ended before it served: killed by SIGKILL",)


def test_a_worker_that_is_told_to_end_before_it_serves_ends(place: Place) -> None:
    async def start() -> str:
        hand = await hired(place, lambda _number, _sentence: None, lambda _cause: None)
        hand.leave(10.0)
        return await hand.over()

    assert asyncio.run(start()) == "it ended with code 0"
