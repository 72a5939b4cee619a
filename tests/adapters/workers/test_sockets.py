from __future__ import annotations

import select
import socket
from dataclasses import replace
from pathlib import Path

from addons.workers.sockets import all_of, open_places
from gateway.config.settings import ListenerSettings
from gateway.policy.addresses import Address
from gateway.policy.model import Mode
from tests.e2e.commands import free_port

LISTENER = ListenerSettings(
    name="shop", mode=Mode.REVERSE, bind=(Address.parse("127.0.0.1"), 0), policy=Path("p"), http3=True
)


def test_every_worker_has_sockets_of_its_own_at_every_address() -> None:
    problems: list[str] = []
    listener = replace(LISTENER, bind=(LISTENER.bind[0], free_port()))

    places = open_places([listener, replace(listener, http3=False, bind=(listener.bind[0], free_port()))], 2, problems)

    kinds = [[[each.type for each in opened] for opened in place] for place in places]
    assert problems == []
    assert kinds == [[[socket.SOCK_STREAM, socket.SOCK_DGRAM], [socket.SOCK_STREAM]]] * 2
    assert len({each.fileno() for each in all_of(places)}) == 6
    assert {each.getsockname()[1] for each in places[0][0] + places[1][0]} == {listener.bind[1]}
    for each in all_of(places):
        each.close()


def test_an_address_that_is_taken_is_told_even_if_it_could_be_shared() -> None:
    problems: list[str] = []
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]

        open_places([replace(LISTENER, bind=(LISTENER.bind[0], port))], 2, problems)

    assert problems == [
        f"listener `shop`: 127.0.0.1:{port} is taken by another process, choose another with `--listen`"
    ]


def test_every_datagram_of_a_client_goes_to_the_same_worker() -> None:
    listener = replace(LISTENER, bind=(LISTENER.bind[0], free_port()))
    places = open_places([listener], 2, [])
    datagrams = [place[0][1] for place in places]
    senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(40)]
    got: dict[int, set[int]] = {}
    for _ in range(3):
        for each in senders:
            each.sendto(b"x", ("127.0.0.1", listener.bind[1]))
    for _ in range(120):
        ready, _, _ = select.select(datagrams, [], [], 5)
        _, (_, port) = ready[0].recvfrom(10)
        got.setdefault(port, set()).add(datagrams.index(ready[0]))
    for each in (*senders, *all_of(places)):
        each.close()

    assert {len(workers) for workers in got.values()} == {1}
    assert len(frozenset().union(*got.values())) == 2
