from __future__ import annotations

from typing import TYPE_CHECKING, Literal, override

import pytest
from mitmproxy.connection import Client, ConnectionState
from mitmproxy.http import Response
from mitmproxy.options import Options
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer

from addons.connections.bounds import Bounds
from addons.connections.phases import Await, Phase
from addons.http1.client_side import UnreadableHeadHook
from addons.tls.layers import ClientTlsLayer
from addons.tls.server_opening import ACCESS_DENIED, DECODE_ERROR, UNRECOGNIZED_NAME, ServerOpening, alert
from addons.tunnels.opening import TunnelBrokenHook, TunnelHelloHook
from gateway.policy.model import Reason
from tests.adapters.hellos import hello_of

if TYPE_CHECKING:
    from addons.http1.client_side import Commands

HELLO = hello_of("shop.example").raw_bytes(wrap_in_record=True)


class Nothing(Layer):
    """Stands where HTTP would be spoken."""

    @override
    def _handle_event(self, event: events.Event) -> Commands:
        yield from ()


class Bench:
    """An opening without a socket; `treatment` and `problem` are what the hooks say of a hello."""

    def __init__(
        self, treatment: Literal["inspect", "splice", "refuse"] = "refuse", problem: Reason | None = None
    ) -> None:
        self.treatment, self.problem = treatment, problem
        self.client = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), state=ConnectionState.OPEN)
        self.said, self.hooks, self.is_closed = b"", list[str](), False
        self.waiting: Await | None = None
        self.broken: Reason | None = None
        self.layer = ServerOpening(Context(self.client, Options()), Nothing, Bounds(opening=1024))
        self.take(events.Start())

    def take(self, event: events.Event) -> None:
        for command in self.layer.handle_event(event):
            self._obey(command)

    def _obey(self, command: commands.Command) -> None:
        match command:
            case commands.SendData(data=data):
                self.said += data
            case commands.CloseConnection():
                self.is_closed = True
            case Await():
                assert command.phase is Phase.HANDSHAKE
                self.waiting = command
            case commands.StartHook():
                self._answer(command)

    def _answer(self, hook: commands.StartHook) -> None:
        self.hooks.append(hook.name)
        if hook.name.startswith("tls_"):
            return  # from here on it is a handshake, which is tried elsewhere
        if isinstance(hook, TunnelHelloHook):
            hook.data.treatment, hook.data.problem = self.treatment, self.problem
        elif isinstance(hook, TunnelBrokenHook):
            self.broken = hook.data.problem
        elif isinstance(hook, UnreadableHeadHook):
            hook.data.response = Response.make(403)
        self.take(events.HookCompleted(hook))

    def send(self, data: bytes) -> None:
        self.take(events.DataReceived(self.client, data))


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_hello_is_judged_once_and_whole_however_it_is_cut(size: int) -> None:
    bench = Bench("inspect")

    for at in range(0, len(HELLO), size):
        assert "tunnel_hello" not in bench.hooks
        bench.send(HELLO[at : at + size])

    assert bench.hooks[0] == "tunnel_hello"
    assert bench.hooks.count("tunnel_hello") == 1
    assert isinstance(bench.layer._child, ClientTlsLayer)  # noqa: SLF001 - what goes on is what is tested


@pytest.mark.parametrize(
    ("said", "treatment", "problem"),
    [
        (UNRECOGNIZED_NAME, "refuse", Reason.NO_CERTIFICATE),
        (ACCESS_DENIED, "refuse", None),
        (ACCESS_DENIED, "splice", None),
    ],
)
def test_whoever_is_refused_is_told_by_an_alert(
    said: int, treatment: Literal["refuse", "splice"], problem: Reason | None
) -> None:
    bench = Bench(treatment, problem)

    bench.send(HELLO)
    bench.send(b"more")

    assert (bench.said, bench.is_closed, bench.hooks) == (alert(said), True, ["tunnel_hello"])


@pytest.mark.parametrize("data", [b"\x16\x03\x01\x00\x00", b"\x00", b"SSH-2.0-x\r\n", b"\x16\x02"])
def test_what_is_neither_tls_nor_http_is_broken(data: bytes) -> None:
    bench = Bench("inspect")

    bench.send(data)

    assert (bench.broken, bench.said, bench.is_closed) == (Reason.MALFORMED_REQUEST, alert(DECODE_ERROR), True)


def test_plain_http_is_answered_in_its_own_words() -> None:
    bench = Bench("inspect")

    bench.send(b"GE")
    assert bench.hooks == []
    bench.send(b"T / HTTP/1.1\r\n")

    assert (bench.hooks, bench.is_closed) == (["unreadable_head"], True)
    assert bench.said.startswith(b"HTTP/1.1 403 ")


def test_who_says_nothing_in_time_is_recorded_and_who_leaves_is_let_go() -> None:
    late, gone = Bench("inspect"), Bench("inspect")
    assert late.waiting is not None

    late.take(events.Wakeup(late.waiting))
    gone.take(events.ConnectionClosed(gone.client))

    assert (late.broken, late.said, late.is_closed) == (Reason.HEAD_TIMEOUT, b"", True)
    assert (gone.hooks, gone.is_closed) == ([], True)
