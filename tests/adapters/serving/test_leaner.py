from __future__ import annotations

import collections
import re
import subprocess
import sys
from asyncio import selector_events
from inspect import getsource
from sys import getsizeof

import pytest

from addons.serving.leaner import MODULES, Line

USED = {"append", "appendleft", "popleft", "extend", "clear", "remove"}
IN_FORCE = """
import asyncio
from addons.serving.leaner import Line, slim
slim()
slim()

async def live():
    one, other = asyncio.Event(), asyncio.Event()
    waiting = [asyncio.ensure_future(one.wait()) for _ in range(3)]
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    print(type(one._waiters) is Line, type(writer.transport._buffer) is Line, len(one._waiters))
    one.set()
    print(await asyncio.gather(*waiting), await reader.read())
    server.close()

asyncio.run(live())
"""


def test_things_leave_in_the_order_in_which_they_came() -> None:
    line, queue = Line[int](), collections.deque[int]()
    for each in (line, queue):
        each.extend((2, 3))
        each.appendleft(1)
        each.append(4)
        each.remove(3)

    assert [[each.popleft() for _ in range(3)] for each in (line, queue)] == [[1, 2, 4]] * 2
    with pytest.raises(IndexError):
        line.popleft()
    assert getsizeof(line) * 8 < getsizeof(queue)


@pytest.mark.parametrize("module", MODULES)
def test_nothing_else_of_that_name_is_used_there(module: object) -> None:
    assert set(re.findall(r"\bcollections\.(\w+)", getsource(module))) <= {"deque", "abc"}  # type: ignore[arg-type]  # a module


@pytest.mark.parametrize("module", MODULES)
def test_a_line_can_do_what_is_asked_of_it(module: object) -> None:
    source = getsource(module)  # type: ignore[arg-type]  # a module
    lines = r"_buffer|\bbuffer" if module is selector_events else "_waiters|_paused_event_queue"
    asked = set(re.findall(rf"(?:{lines})\.([a-z]+)\(", source))

    assert asked <= USED, "a newer version asks for more"
    assert all(callable(getattr(Line, each)) for each in asked)


def test_in_force_events_and_transports_have_them_and_work() -> None:
    run = subprocess.run([sys.executable, "-c", IN_FORCE], capture_output=True, text=True, check=True)

    assert run.stdout == "True True 3\n[True, True, True] b''\n"
