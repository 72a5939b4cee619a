"""Everything of asyncio that is used and not documented, one by one: a release that moves it fails here."""

from __future__ import annotations

import ast
import asyncio
from asyncio import locks, selector_events, streams
from inspect import getsource
from typing import TYPE_CHECKING

import pytest
from mitmproxy.proxy import layer

from addons.serving.leaner import MODULES, Line
from addons.tunnels.relay import unread

if TYPE_CHECKING:
    from types import ModuleType

DEQUES: list[tuple[ModuleType, str, str, str]] = [
    (layer, "_paused_event_queue", "append popleft", "AnnAssign Assign BoolOp"),
    (locks, "_waiters", "append remove", "Assign BoolOp Compare For If UnaryOp comprehension iter len"),
    (
        selector_events,
        "_buffer buffer",
        "append appendleft clear extend popleft",
        "Assert Assign If Subscript UnaryOp While itertools.islice len map self._sock.send",
    ),
    (streams, "_drain_waiters", "append remove", "Assign For"),
]
"""What of a module is a deque, what is called on it, and in what else it stands.

For addons/serving/leaner.py, which gives these modules lists with such methods: both can be gone through from the
front, asked for their length, and whether they are empty.
"""


def _name(node: ast.AST) -> str:
    """The last part of a name, as `_buffer` of `self._buffer`."""
    return str(getattr(node, "attr", getattr(node, "id", "")))


@pytest.mark.parametrize(("module", "names", "called", "within"), DEQUES)
def test_no_more_is_asked_of_a_deque_than_we_know(module: ModuleType, names: str, called: str, within: str) -> None:
    calls, places = set[str](), set[str]()
    for parent in ast.walk(ast.parse(getsource(module))):
        for child in ast.iter_child_nodes(parent):
            if _name(child) in names.split():
                if isinstance(parent, ast.Attribute):
                    calls.add(parent.attr)
                else:
                    places.add(ast.unparse(parent.func) if isinstance(parent, ast.Call) else type(parent).__name__)

    assert (calls, places) == (set(called.split()), set(within.split()))
    assert [each for each in calls if not callable(getattr(Line, each, None))] == []


@pytest.mark.parametrize(("module", "names"), [(each[0], each[1]) for each in DEQUES])
def test_nothing_else_is_a_deque_there_and_all_begin_empty(module: ModuleType, names: str) -> None:
    made = {
        (_name(each.targets[0]), ast.unparse(each.value))
        for each in ast.walk(ast.parse(getsource(module)))
        if isinstance(each, ast.Assign) and "collections." in ast.unparse(each.value)
    }

    assert made - {("_buffer_factory", "collections.deque")} == {(names.split(maxsplit=1)[0], "collections.deque()")}


def test_all_modules_whose_deques_are_replaced_are_looked_at() -> None:
    assert [module for module, *_ in DEQUES] == list(MODULES)


def test_a_stream_reader_shows_what_it_still_holds() -> None:
    async def held() -> tuple[bytes, bool]:
        reader = asyncio.StreamReader()
        reader.feed_data(b"first bytes")
        waiting = bytes(reader._buffer)  # type: ignore[attr-defined]  # noqa: SLF001 - addons/tunnels/relay.py needs it ## typeshed hides it
        reader._buffer.clear()  # type: ignore[attr-defined]  # noqa: SLF001 - addons/tunnels/relay.py needs it ## typeshed hides it
        reader.feed_eof()
        return waiting, reader.at_eof()

    assert asyncio.run(held()) == (b"first bytes", True)


def test_a_stream_reader_takes_back_what_was_read() -> None:
    async def again() -> bytes:
        reader = asyncio.StreamReader()
        reader.feed_data(b"second")
        unread(reader, b"first ")
        return await reader.read(99)

    assert asyncio.run(again()) == b"first second"


def test_a_stream_reader_shows_whether_it_is_waited_for() -> None:
    async def waits() -> tuple[object, object, bool]:
        reader, writer = asyncio.StreamReader(), asyncio.StreamReaderProtocol
        before = reader._waiter  # type: ignore[attr-defined]  # noqa: SLF001 - addons/serving/sweeping.py needs it ## typeshed hides it
        reading = asyncio.create_task(reader.read(1))
        await asyncio.sleep(0)
        during = reader._waiter  # type: ignore[attr-defined]  # noqa: SLF001 - addons/serving/sweeping.py needs it ## typeshed hides it
        reader.feed_eof()
        await reading
        return before, during, hasattr(writer(reader), "_stream_reader")

    before, during, finds_reader = asyncio.run(waits())
    assert (before, isinstance(during, asyncio.Future), finds_reader) == (None, True, True)


def test_what_a_protocol_reads_goes_through_the_methods_of_its_reader() -> None:
    """As addons/connections/reading.py needs it, which stands in for two of them."""

    async def fed() -> tuple[list[bytes], bytes, object]:
        reader, given = asyncio.StreamReader(), list[bytes]()
        vars(reader)["feed_data"] = given.append
        asyncio.StreamReaderProtocol(reader).data_received(b"one")
        del vars(reader)["feed_data"]
        reader.feed_data(b"two")
        reader.feed_eof()
        return given, await reader.read(3), reader._eof  # type: ignore[attr-defined]  # noqa: SLF001 - it is private, and watched here ## typeshed hides it

    assert asyncio.run(fed()) == ([b"one"], b"two", True)
