"""Room for as many sockets as there may be connections: the kernel's limit on open files, raised as far as it goes.

Most systems start programs with 1024 open files, and let them have many more if they ask. A gateway that accepts
10,000 connections and has none left cannot even refuse the next one.

Source: getrlimit(2), RLIMIT_NOFILE.
"""

from __future__ import annotations

import resource
from typing import Final

PER_CONNECTION: Final = 2
"""Sockets that a connection usually needs: one to the client, one to a server."""
_OTHERS: Final = 256
"""Everything else that is open: listeners, records, lists, health checks."""


def needed_for(connections: int) -> int:
    """How many files may be open at a time if so many clients may be connected."""
    return PER_CONNECTION * connections + _OTHERS


def make_room(connections: int) -> str | None:
    """Raise the limit of this process to what so many connections need, or as far as it goes.

    A word for people comes back if that is not even enough for the clients' own ends of them.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = needed_for(connections)
    if _is_enough(soft, wanted):
        return None
    got = wanted if _is_enough(hard, wanted) else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (got, hard))
    if got >= connections + _OTHERS:
        return None
    return (
        f"limits.connections: {connections} connections need up to {wanted} open files and the system grants {got}, "
        f"raise its limit (`LimitNOFILE=` of systemd, `ulimit -Hn`) or write `connections: {_fitting(got)}`"
    )


def _is_enough(limit: int, wanted: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= wanted


def _fitting(files: int) -> int:
    return max(1, (files - _OTHERS) // PER_CONNECTION)
