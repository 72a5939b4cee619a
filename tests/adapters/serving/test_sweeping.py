from __future__ import annotations

import asyncio

from addons.connections.phases import Sight, Watch
from addons.serving.sweeping import Watches, is_waited_for


class Dark:
    """Nothing can be seen."""

    def awaits(self, _connection: object) -> bool:
        return False

    def unsent(self, _connection: object) -> int:
        return 0


def test_who_is_due_is_woken_once_and_looked_at_again() -> None:
    seen: list[float] = []

    def look(now: float, _sight: Sight) -> bool:
        seen.append(now)
        return now == 2.0

    watches, watch = Watches(Dark()), Watch(look)
    watches.add(watch)
    watches.add(watch)

    found = [(watches.look(now), watches.take_due()) for now in (1.0, 2.0, 3.0)]

    assert found == [(False, []), (True, [watch]), (False, [])]
    assert seen == [1.0, 2.0, 3.0]
    assert watches.take_due() == []


def test_every_watch_of_a_connection_is_looked_at_though_another_is_due() -> None:
    watches = Watches(Dark())
    first, second, third = Watch(lambda _, __: True), Watch(lambda _, __: False), Watch(lambda _, __: True)
    for each in (first, second, third):
        watches.add(each)

    assert watches.look(1.0)
    assert watches.take_due() == [first, third]


def test_a_reader_is_waited_for_while_somebody_reads_and_nothing_is_there() -> None:
    async def play() -> list[bool]:
        reader = asyncio.StreamReader()
        seen = [is_waited_for(reader)]
        reading = asyncio.create_task(reader.read(10))
        await asyncio.sleep(0)
        seen.append(is_waited_for(reader))
        reader.feed_data(b"x")
        await reading
        return [*seen, is_waited_for(reader)]

    assert asyncio.run(play()) == [False, True, False]
    assert not is_waited_for(None)
