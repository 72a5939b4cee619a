from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from mitmproxy.connection import Client
from mitmproxy.proxy.server_hooks import ClientConnectedHook

from addons.connections.fail_closed import (
    AFTER_THE_FACT,
    ANSWERABLE,
    HOOKS,
    Dispatch,
    hook_table,
    is_cancelled_from_outside,
)

CLIENT = Client(peername=("192.0.2.1", 51000), sockname=("127.0.0.1", 8080))


class Sync:
    def __init__(self, said: list[str], word: str) -> None:
        self.said, self.word = said, word

    def client_connected(self, _client: Client) -> None:
        self.said.append(self.word)

    def client_waved(self, _client: Client) -> None:
        self.said.append("no hook has this name")


class Waits(Sync):
    async def client_connected(self, _client: Client) -> None:  # type: ignore[override]  # a hook may be either
        await asyncio.sleep(0)
        self.said.append(self.word)


class Hangs:
    async def client_connected(self, _client: Client) -> None:
        await asyncio.sleep(3600)


def run(*addons: object, deadline: float = 5.0) -> bool:
    """Call the hook; returns whether something had to be awaited."""
    pending = Dispatch(hook_table(addons), deadline).call(ClientConnectedHook(CLIENT))
    if pending is None:
        return False

    async def finish() -> None:
        await pending

    asyncio.run(finish())
    return True


def test_the_table_holds_hooks_in_the_order_of_the_addons_and_nothing_else() -> None:
    said: list[str] = []
    one, two = Sync(said, "one"), Sync(said, "two")

    table = hook_table([one, two])

    assert dict(table) == {"client_connected": (one.client_connected, two.client_connected)}


def test_hooks_that_do_not_wait_need_no_awaiting() -> None:
    said: list[str] = []

    assert run(Sync(said, "one"), Sync(said, "two")) is False
    assert said == ["one", "two"]


def test_hooks_keep_their_order_whether_they_wait_or_not() -> None:
    said: list[str] = []

    assert run(Sync(said, "one"), Waits(said, "two"), Sync(said, "three"), Waits(said, "four")) is True
    assert said == ["one", "two", "three", "four"]


def test_a_hook_that_may_wait_and_does_not_needs_no_task_and_no_timer() -> None:
    said: list[str] = []

    class Ready(Sync):
        async def client_connected(self, _client: Client) -> None:  # type: ignore[override]  # a hook may be either
            self.said.append(self.word)

    pending = Dispatch(hook_table((Ready(said, "one"), Sync(said, "two")))).call(ClientConnectedHook(CLIENT))
    assert pending is not None
    with pytest.raises(StopIteration):
        pending.send(None)
    assert said == ["one", "two"]


def test_a_hook_that_goes_on_although_its_time_is_over_has_failed() -> None:
    class Deaf:
        async def client_connected(self, _client: Client) -> None:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)

    with pytest.raises(TimeoutError):
        run(Deaf(), deadline=0.01)


def test_a_hook_that_is_stopped_from_outside_is_stopped_and_not_late() -> None:
    pending = Dispatch(hook_table((Hangs(),)), 3600).call(ClientConnectedHook(CLIENT))
    assert pending is not None

    async def stopped() -> bool:
        task = asyncio.create_task(pending)
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(stopped()) is True


def test_what_a_hook_waits_for_comes_back_to_it_the_error_too() -> None:
    said: list[str] = []

    class Hears:
        async def client_connected(self, _client: Client) -> None:
            future = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(future.set_result, "word")
            said.append(await future)
            failed = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(failed.set_exception, ValueError("bad"))
            try:
                await failed
            except ValueError as error:
                said.append(str(error))

    assert run(Hears()) is True
    assert said == ["word", "bad"]


def test_a_hook_that_hangs_is_given_up_and_those_behind_it_are_not_asked() -> None:
    said: list[str] = []

    with pytest.raises(TimeoutError):
        run(Hangs(), Sync(said, "behind"), deadline=0.01)
    assert said == []


def test_a_hook_that_nobody_answers_costs_nothing() -> None:
    assert Dispatch({}).call(ClientConnectedHook(CLIENT)) is None


def test_the_subject_of_a_hook_is_its_one_argument() -> None:
    dispatch = Dispatch({})

    assert [dispatch.subject(ClientConnectedHook(CLIENT)) for _ in range(2)] == [CLIENT, CLIENT]


def test_a_hook_that_cancels_itself_is_told_from_a_task_that_is_stopped() -> None:
    async def by_itself() -> bool:
        try:
            raise asyncio.CancelledError  # noqa: TRY301 - it stands for a hook that does so
        except asyncio.CancelledError as error:
            return is_cancelled_from_outside(error)

    async def stopped() -> Any:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError as error:
            return is_cancelled_from_outside(error)

    assert asyncio.run(by_itself()) is False
    assert asyncio.run(stopped()) is True


def test_an_answer_is_possible_only_before_anything_was_forwarded() -> None:
    assert {"http_connect", "requestheaders"} == ANSWERABLE
    assert set(HOOKS) > AFTER_THE_FACT
    assert not ANSWERABLE & AFTER_THE_FACT
