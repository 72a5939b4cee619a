from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.cache.cache import Cache, Step
from gateway.cache.disk.store import DiskStore
from gateway.cache.store import Kept, MemoryStore
from gateway.cache.tiers import Tiers
from tests.unit.cache.exchanges import NOW, asked, cached

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def tiers(folder: Path, memory: int = 10_000) -> Tiers:
    disk = DiskStore(folder, 100_000, 5_000, 100, print)
    disk.open()
    return Tiers(MemoryStore(memory, 5_000), disk)


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Tiers]:
    made = tiers(tmp_path / "kept")
    yield made
    made.disk.close()


def step(store: Tiers, target: str = "/x") -> Step:
    cache = Cache(store)
    asyncio.run(cache.bring(asked(target=target)))
    return cache.look_up(asked(target=target), NOW).step


def test_what_left_the_memory_is_brought_back_from_the_disk(both: Tiers) -> None:
    for number in range(8):
        assert both.keep(asked(target=f"/{number}"), Kept(cached("max-age=60"), b"x" * 2_000))
    before = both.find(asked(target="/0"))

    assert (before, both.knows(asked(target="/0").key)) == (None, True)
    assert step(both, "/0") is Step.GIVE
    assert both.size <= both.most == 10_000
    assert step(both, "/other") is Step.FORWARD


def test_after_a_restart_it_is_given_without_an_origin(both: Tiers, tmp_path: Path) -> None:
    both.keep(asked(), Kept(cached("max-age=60"), b"body"))
    both.disk.close()
    again = tiers(tmp_path / "kept")

    assert step(again) is Step.GIVE
    assert again.find(asked()) == Kept(cached("max-age=60"), b"body")
    again.disk.close()


def test_what_is_too_large_takes_the_old_one_away_from_both(both: Tiers) -> None:
    both.keep(asked(), Kept(cached("max-age=60"), b"body"))

    assert not both.keep(asked(), Kept(cached("max-age=60"), b"x" * both.most_each))
    assert (both.knows(asked().key), len(both.disk), both.size) == (False, 0, 0)


def test_what_is_forgotten_or_purged_is_in_neither(both: Tiers) -> None:
    for target in ("/a", "/b", "/c"):
        both.keep(asked(target=target), Kept(cached("max-age=60"), b"body"))
    both.memory.forget(asked(target="/b").key)

    assert both.forget(asked(target="/a").key)
    assert not both.forget(asked(target="/a").key)
    assert both.purge(lambda _key: True) == {asked(target=each).key for each in ("/b", "/c")}
    assert [step(both, each) for each in ("/a", "/b", "/c")] == [Step.FORWARD] * 3


def test_what_changed_while_it_was_read_is_not_put_over_the_new_one(both: Tiers) -> None:
    async def scene() -> bytes | None:
        both.keep(asked(), Kept(cached("max-age=60"), b"old"))
        both.memory.forget(asked().key)
        bringing = asyncio.create_task(both.bring(asked()))
        await asyncio.sleep(0)
        both.keep(asked(), Kept(cached("max-age=60"), b"new"))
        await bringing
        found = both.find(asked())
        return None if found is None else found.body

    assert asyncio.run(scene()) == b"new"
