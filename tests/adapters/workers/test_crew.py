from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from addons.serving.starting import NotStarted
from addons.workers.wire import Gone

if TYPE_CHECKING:
    from addons.workers.crew import Crew


def test_all_that_keeps_workers_from_starting_is_told_in_one_go_and_nobody_is_left(crew: Crew) -> None:
    async def start() -> tuple[tuple[str, ...], list[str]]:
        with pytest.raises(NotStarted) as refused:
            await crew.gather(["a port is taken"])
        await crew.end_at_once()
        return refused.value.problems, [await each.over() for each in crew.hands.values()]

    problems, ended = asyncio.run(start())

    assert problems[0].startswith("audit: cannot reach the writer at ")
    assert problems[1:] == ("a port is taken",)
    assert len(ended) == 1
    assert crew.serving == []


def test_with_nobody_at_work_nothing_is_reloaded(crew: Crew) -> None:
    async def reload() -> None:
        with pytest.raises(NotStarted):
            await crew.gather([])
        with pytest.raises(Gone, match="no worker is at work"):
            await crew.reload("signal")
        await crew.end_at_once()

    asyncio.run(reload())


def test_what_every_worker_says_is_said_once_and_what_one_says_twice_is_said_twice(crew: Crew, said: list[str]) -> None:
    for number, sentence in ((1, "a"), (2, "a"), (2, "b"), (1, "a"), (2, "a"), (1, "c"), (2, "a")):
        crew.heard_from(number, sentence)

    assert said == ["a", "b", "a", "c", "a"]
