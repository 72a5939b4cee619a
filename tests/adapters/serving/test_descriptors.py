from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from addons.serving.descriptors import make_room, needed_for

ASK = """
import resource, sys
from addons.serving.descriptors import make_room
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
print(make_room(int(sys.argv[3])))
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def room(soft: int, hard: int, connections: int) -> tuple[str, int]:
    """What a process with these limits is told, and the limit that it has then."""
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(soft), str(hard), str(connections)], capture_output=True, text=True, check=True
    )
    said, limit = done.stdout.splitlines()
    return said, int(limit)


@pytest.mark.parametrize(
    ("wanted", "soft", "hard", "connections"),
    [(512, 512, 4096, 100), (needed_for(1000), 512, 4096, 1000), (4096, 4096, 4096, 1000), (1300, 512, 1300, 1000)],
    ids=["enough", "raised", "more than enough", "enough for the clients"],
)
def test_a_process_gets_as_many_files_as_its_connections_need(
    wanted: int, soft: int, hard: int, connections: int
) -> None:
    assert room(soft, hard, connections) == ("None", wanted)


def test_where_the_system_grants_less_people_are_told_the_way_out() -> None:
    said, limit = room(512, 1000, 1000)

    assert limit == 1000
    assert said == (
        "limits.connections: 1000 connections need up to 2256 open files and the system grants 1000, "
        "raise its limit (`LimitNOFILE=` of systemd, `ulimit -Hn`) or write `connections: 372`"
    )


def test_asking_twice_changes_nothing() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)

    assert make_room(10) is None
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before
