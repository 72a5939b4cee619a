from __future__ import annotations

import asyncio

from addons.serving.tasks import spawn


def test_a_task_is_kept_until_it_is_done() -> None:
    async def observed() -> tuple[int, int]:
        kept: set[asyncio.Task[None]] = set()
        go = asyncio.Event()

        async def work() -> None:
            await go.wait()

        task = spawn(work(), kept)
        before = len(kept)
        go.set()
        await task
        await asyncio.sleep(0)
        return before, len(kept)

    assert asyncio.run(observed()) == (1, 0)


def test_work_that_does_not_wait_is_done_at_once_and_never_kept() -> None:
    async def observed() -> tuple[list[str], int]:
        kept: set[asyncio.Task[None]] = set()
        done: list[str] = []

        async def work() -> None:
            done.append("done")

        spawn(work(), kept, at_once=True)
        return done, len(kept)

    assert asyncio.run(observed()) == (["done"], 0)
