from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import dns.flags
import dns.rcode
import pytest

from gateway.upstreams.nameservers import datagrams
from gateway.upstreams.nameservers.datagrams import GUESSES, AskOverTcp
from gateway.upstreams.nameservers.messages import Kind, NoAnswer, Reply, absolute, question
from tests.e2e.nameserver import Served, answer, name_server, zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dns.message import Message

A = "site.example 60 IN A 192.0.2.1"
EVIL = "site.example 60 IN A 10.0.0.1"


def asked_of(served: Served) -> Reply:
    async def scenario() -> Reply:
        async with asyncio.timeout(5):
            return await datagrams.ask(served.at("udp"), question(absolute("site.example"), Kind.A))

    return asyncio.run(scenario())


def wrong_id(asked: Message) -> bytes:
    forged = answer(asked, EVIL)
    forged.id = asked.id ^ 0x5555
    return forged.to_wire()


def test_the_answer_is_found_among_forged_ones() -> None:
    def says(asked: Message, _by: str) -> Sequence[bytes]:
        other = answer(question(absolute("evil.example"), Kind.A), EVIL)
        other.id = asked.id
        return [wrong_id(asked), b"noise", other.to_wire(), asked.to_wire(), answer(asked, A).to_wire()]

    with name_server(says) as served:
        assert [str(each) for each in asked_of(served).addresses] == ["192.0.2.1"]


def test_an_answer_from_elsewhere_is_not_even_received() -> None:
    def says(asked: Message, _by: str) -> Sequence[bytes]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(answer(asked, EVIL).to_wire(), served.peers[-1])
        return [answer(asked, A).to_wire()]

    with name_server(says) as served:
        assert [str(each) for each in asked_of(served).addresses] == ["192.0.2.1"]


def test_every_question_leaves_from_a_port_of_its_own() -> None:
    with name_server(zone(A)) as served:
        for _ in range(20):
            asked_of(served)

    assert len({port for _, port in served.peers}) > 10


def test_a_cut_answer_and_too_many_forged_ones_are_asked_for_over_tcp() -> None:
    def cut(asked: Message, _by: str) -> Sequence[bytes]:
        message = answer(asked)
        message.flags |= dns.flags.TC
        return [message.to_wire()]

    def guessing(asked: Message, _by: str) -> Sequence[bytes]:
        return [wrong_id(asked)] * GUESSES

    for says in (cut, guessing):
        with name_server(says) as served, pytest.raises(AskOverTcp):
            asked_of(served)


def test_what_the_server_itself_refuses_is_not_waited_for() -> None:
    def says(asked: Message, _by: str) -> Sequence[bytes]:
        return [answer(asked, rcode=dns.rcode.REFUSED).to_wire()]

    with name_server(says) as served, pytest.raises(NoAnswer, match="refuse to answer"):
        asked_of(served)


def test_a_server_that_does_not_run_is_known_at_once() -> None:
    with name_server(lambda _asked, _by: []) as served:
        pass
    with pytest.raises(ConnectionRefusedError):
        asked_of(served)
