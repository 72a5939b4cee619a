from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.admin.asking import Engine, Refused, Unanswered
from tests.unit.admin.engines import answering

if TYPE_CHECKING:
    from pathlib import Path


def test_an_order_is_given_with_who_wants_it(tmp_path: Path) -> None:
    with answering(tmp_path, {"drain": {"connections": 3}}) as heard:
        done = asyncio.run(Engine(tmp_path).ask("drain", {"seconds": "5"}, by="admin-api"))

    assert done == {"connections": 3}
    assert (heard[0].verb, heard[0].given, heard[0].by) == ("drain", {"seconds": "5"}, "admin-api")


def test_a_refusal_says_why_and_no_engine_is_told_from_it(tmp_path: Path) -> None:
    with answering(tmp_path, {"drain": "not today"}), pytest.raises(Refused, match="not today"):
        asyncio.run(Engine(tmp_path).ask("drain"))
    with pytest.raises(Unanswered, match="not at work"):
        asyncio.run(Engine(tmp_path / "nowhere").ask("drain"))


def test_a_large_answer_comes_whole(tmp_path: Path) -> None:
    keys = {f"key {number}": "x" * 100 for number in range(20_000)}
    with answering(tmp_path, {"limits": keys}):
        assert asyncio.run(Engine(tmp_path).ask("limits")) == keys


def test_who_asks_often_whether_it_is_ready_does_not_keep_the_engine_busy(tmp_path: Path) -> None:
    async def twice() -> None:
        engine = Engine(tmp_path)
        await engine.standing()
        await engine.standing()

    with answering(tmp_path, {"status": {"ready": True}}) as heard:
        asyncio.run(twice())

    assert len(heard) == 1
