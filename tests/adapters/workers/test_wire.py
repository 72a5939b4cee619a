from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from addons.workers.wire import Gone, Wire, packed, unpacked
from tests.unit.config.objections import FORWARD, read


def test_what_one_end_says_the_other_hears_in_order() -> None:
    async def talk() -> list[dict[str, object]]:
        ours, theirs = map(Wire.over, socket.socketpair())
        one, other = await ours, await theirs
        one.say("order", id=1, text="ü\n")
        one.say("end")
        heard = [await other.hear(), await other.hear()]
        one.close()
        with pytest.raises(Gone):
            await other.hear()
        other.close()
        one.say("nobody hears this")
        return heard

    assert asyncio.run(talk()) == [{"kind": "order", "id": 1, "text": "ü\n"}, {"kind": "end"}]


@pytest.mark.parametrize(
    "nonsense", [b"GET / HTTP/1.1\r\n", b"[]\n", b'{"id": 1}\n', b'{"kind": 1}\n', b'{"kind": "a"']
)
def test_nonsense_is_not_listened_to(nonsense: bytes) -> None:
    async def talk() -> None:
        ours, theirs = socket.socketpair()
        ours.sendall(nonsense)
        ours.close()
        wire = await Wire.over(theirs)
        with pytest.raises(Gone):
            await wire.hear()
        wire.close()

    asyncio.run(talk())


def test_settings_arrive_as_they_were_read() -> None:
    settings = read(f"listeners: [{FORWARD}]\nworkers: 2\n")

    assert unpacked(packed(settings)) == settings
    assert unpacked(packed(settings)).state == Path("base/.wicketgate")
