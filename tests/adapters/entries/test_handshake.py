from __future__ import annotations

from typing import TYPE_CHECKING, Any, override

import pytest
from mitmproxy.connection import Client, ConnectionState
from mitmproxy.options import Options
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer

from addons.connections.phases import Await, Enter, Phase
from addons.entries.handshake import Handshake, SocksAskedHook, SocksBrokenHook, SocksHandshake
from gateway.policy.model import Decision, Reason, refuse

if TYPE_CHECKING:
    from addons.http1.client_side import Commands

ASKING = b"\x05\x01\x00\x03\x0csite.example\x01\xbb"
CHOSEN = b"\x05\x00"
SUCCEEDED = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
FAILED = b"\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00"


class Bench:
    """A handshake without a socket. `refused` is what the gate says, if somebody asks it (`heard`)."""

    def __init__(self, *, refused: Decision | None = None, heard: bool = True) -> None:
        self.refused, self.heard = refused, heard
        self.client = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), state=ConnectionState.OPEN)
        self.inside: list[events.Event] = []
        self.said = b""
        self.phases: list[Phase] = []
        self.subjects: list[Handshake] = []
        self.waiting: Await | None = None
        self.is_closed = False
        self.layer = SocksHandshake(Context(self.client, Options()), self._tunnel)
        self.take(events.Start())

    def _tunnel(self, context: Context) -> Layer:
        bench = self

        class Inside(Layer):
            @override
            def _handle_event(self, event: events.Event) -> Commands:
                bench.inside.append(event)
                yield Enter(Phase.TUNNEL)

        return Inside(context)

    def take(self, event: events.Event) -> None:
        for command in self.layer.handle_event(event):
            self._obey(command)

    def _obey(self, command: commands.Command) -> None:
        match command:
            case commands.SendData(data=data):
                self.said += data
            case commands.CloseConnection():
                self.is_closed = True
            case Await() as waiting:
                self.waiting = waiting
                self.phases.append(waiting.phase)
            case Enter(phase=phase):
                self.phases.append(phase)
            case SocksAskedHook(data=handshake) | SocksBrokenHook(data=handshake):
                self.subjects.append(handshake)
                if self.heard and handshake.asked is not None:
                    handshake.refused, handshake.admitted = self.refused, self.refused is None
                self.take(events.HookCompleted(command))

    def hear(self, data: bytes) -> None:
        self.take(events.DataReceived(self.client, data))

    def end_of_patience(self) -> None:
        assert self.waiting is not None
        self.take(events.Wakeup(self.waiting))

    @property
    def tunnelled(self) -> list[Any]:
        return [event.data if isinstance(event, events.DataReceived) else type(event) for event in self.inside]


def test_the_tunnel_begins_behind_the_handshake_however_it_is_cut() -> None:
    whole = b"\x05\x01\x00" + ASKING + b"GET / HTTP/1.1\r\n"

    for cut in range(len(whole)):
        bench = Bench()
        for piece in (whole[:cut], whole[cut:]):
            if piece:
                bench.hear(piece)
        assert bench.said == CHOSEN + SUCCEEDED
        assert b"".join(each for each in bench.tunnelled if isinstance(each, bytes)) == b"GET / HTTP/1.1\r\n"
        assert bench.tunnelled[0] is events.Start


def test_nobody_who_says_that_it_may_pass_means_that_it_may_not() -> None:
    bench = Bench(heard=False)

    bench.hear(b"\x05\x01\x00" + ASKING + b"GET / HTTP/1.1\r\n")

    assert (bench.said, bench.is_closed, bench.inside) == (CHOSEN + FAILED, True, [])


def test_a_denial_is_told_and_ends_the_connection() -> None:
    bench = Bench(refused=refuse(Reason.RULE_DENY))

    bench.hear(b"\x05\x01\x00" + ASKING)
    bench.hear(b"GET / HTTP/1.1\r\n")

    assert (bench.said[3], bench.is_closed, bench.inside) == (2, True, [])


def test_the_whole_handshake_has_one_deadline() -> None:
    bench = Bench()
    assert bench.phases == [Phase.IDLE]

    bench.hear(b"\x05")
    bench.hear(b"\x01\x00")
    bench.hear(ASKING[:5])
    assert bench.phases == [Phase.IDLE, Phase.HEAD]
    bench.end_of_patience()

    assert [each.decision.reason for each in bench.subjects if each.decision is not None] == [Reason.HEAD_TIMEOUT]
    assert (bench.said, bench.is_closed) == (CHOSEN, True)


@pytest.mark.parametrize("data", [b"", b"\x05", b"\x05\x01\x00\x05\x01"])
def test_a_client_that_leaves_in_between_is_left_alone(data: bytes) -> None:
    bench = Bench()

    if data:
        bench.hear(data)
    bench.take(events.ConnectionClosed(bench.client))

    assert (bench.is_closed, bench.subjects, bench.inside) == (True, [], [])


def test_what_comes_behind_a_refusal_is_not_read() -> None:
    bench = Bench()

    bench.hear(b"\x05\x01\x02")
    bench.hear(b"\x05\x01\x00" + ASKING)

    assert (bench.said, [each.asked for each in bench.subjects]) == (b"\x05\xff", [None])
