"""What the manager of services is told, where one asks: `READY=1`, `RELOADING=1`, `STOPPING=1` (sd_notify(3)).

The manager names a socket in the environment; a start under any other roof says nothing to nobody.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

SOCKET: Final = "NOTIFY_SOCKET"
"""Where the manager listens; a name that begins with `@` is one of the abstract name space (unix(7))."""


def tell(state: str, environment: Mapping[str, str] = os.environ) -> None:
    """Tell the manager of this process a state, like `READY=1`. Nobody there to hear it is no reason to fail."""
    place = environment.get(SOCKET, "")
    if place[:1] not in {"/", "@"}:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as telling:
        telling.connect(f"\0{place[1:]}" if place.startswith("@") else place)
        telling.send(state.encode("ascii"))
