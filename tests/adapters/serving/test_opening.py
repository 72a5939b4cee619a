from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from addons.serving.composition import compose
from addons.serving.listeners import Crowd, open_socket
from addons.serving.opening import load, open_server, serve
from tests.e2e.gateways import Scenery

if TYPE_CHECKING:
    from pathlib import Path


def test_every_problem_of_everything_that_is_loaded_is_told(tmp_path: Path) -> None:
    settings = Scenery(folder=tmp_path, origin=1, trust=tmp_path / "none.pem").settings()
    settings.listeners[0].policy.write_text("version: 1\nnmae: x\n", encoding="utf-8")
    engine = compose(settings)
    engine.writer.start()

    problems = asyncio.run(load(engine, lambda _: None))

    assert sum("`nmae`" in each for each in problems) == len(settings.listeners)
    assert sum("none.pem" in each for each in problems) == 1
    engine.writer.close()


def test_with_the_last_good_copy_a_broken_policy_is_no_problem(tmp_path: Path) -> None:
    settings = Scenery(folder=tmp_path, origin=1).settings()
    before = compose(settings)
    before.writer.start()
    assert asyncio.run(load(before, lambda _: None)) == []
    before.writer.close()
    settings.listeners[0].policy.write_text("version: 1\nnmae: x\n", encoding="utf-8")
    engine = compose(settings)
    engine.writer.start()

    assert asyncio.run(load(engine, lambda _: None, last_good=True)) == []
    digests = {each.store.current.policy.digest for each in (*before.listeners, *engine.listeners)}
    assert len(digests) == 1
    engine.writer.close()


def test_told_to_end_nothing_is_accepted_any_more(tmp_path: Path) -> None:
    settings = Scenery(folder=tmp_path, origin=1).settings()
    engine = compose(replace(settings, listeners=settings.listeners[1:]))
    engine.writer.start()
    asyncio.run(load(engine, lambda _: None))
    [listener] = engine.listeners

    async def live() -> tuple[bool, bool]:
        ending = asyncio.Event()
        opened = open_socket(*listener.settings.bind)
        server = await open_server(engine, listener, Crowd(settings.limits), opened)
        serving = asyncio.create_task(serve(engine, [server], ending))
        _, writer = await asyncio.open_connection(*map(str, listener.settings.bind))
        ending.set()
        await serving
        writer.close()
        try:
            await asyncio.open_connection(*map(str, listener.settings.bind))
        except ConnectionRefusedError:
            return True, len(engine.served) == 0
        return False, False

    assert asyncio.run(live()) == (True, True)
    engine.writer.close()
