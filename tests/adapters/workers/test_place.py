from __future__ import annotations

import os
from pathlib import Path

from addons.workers.crowd import SECRET, make_shared
from addons.workers.place import Place
from addons.workers.wire import packed, unpacked
from gateway.policy.addresses import Address
from tests.unit.config.objections import FORWARD, read


def test_a_place_arrives_whole_and_counts_where_the_others_count() -> None:
    settings = read(f"listeners: [{FORWARD}]\nworkers: 2\nlimits: {{connections_per_client: 1}}")
    shared = make_shared(2, settings.limits.connections)
    place = Place(
        number=2,
        version="0",
        configuration=None,
        settings=settings,
        latest=None,
        sockets=[[[5]], [[6]]],
        folder=4,
        log=Path("/proc/self/fd/4/audit.sock"),
        shared=shared,
        limits=7,
        secret=bytes(SECRET),
        again=False,
    )

    again: Place = unpacked(packed(place))

    assert again == place
    client = Address.parse("10.0.0.1")
    assert (place.crowd().enter(client), again.crowd().enter(client)) == (True, False)
    os.close(shared)
