from __future__ import annotations

import pytest
from aioquic.quic.events import HandshakeCompleted
from mitmproxy.connection import Client
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer

from addons.connections.phases import Await, Enter, Phase
from addons.http3.opening import QuicHelloHook, QuicOpening
from addons.http3.quic import HelloHeard
from addons.http3.session import Heard
from addons.serving.options import LayerOptions, for_layers
from addons.tunnels.opening import TunnelBrokenHook, TunnelHelloHook
from gateway.policy.model import Reason
from tests.adapters.http3.pairs import Pair, shown


class Inside(Layer):
    heard: list[events.Event]

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.heard = []

    def _handle_event(self, event: events.Event) -> commands.CommandGenerator[None]:  # type: ignore[name-defined]  # mitmproxy keeps it elsewhere
        self.heard.append(event)
        yield from ()


class Waiting(Pair):
    def answer(self) -> None:
        """The layer answers."""


class Bench:
    def __init__(self) -> None:
        self.pair = Waiting()
        self.pair.talk(3)
        self.client = Client(peername=("127.0.0.2", 1), sockname=("127.0.0.1", 443), timestamp_start=0.0)
        self.inside: list[Inside] = []
        self.layer = QuicOpening(Context(self.client, for_layers(LayerOptions())), self.pair.ours, self._inside)
        self.first = self.give(events.Start())

    def _inside(self, context: Context) -> Layer:
        self.inside.append(Inside(context))
        return self.inside[-1]

    def give(self, event: events.Event) -> list[commands.Command]:
        return list(self.layer.handle_event(event))

    def hello(self) -> TunnelHelloHook:
        [heard] = [each for each in self.pair.heard if isinstance(each, HelloHeard)]
        [hook] = self.give(Heard(self.client, (heard,)))
        assert isinstance(hook, TunnelHelloHook)
        return hook


def test_a_handshake_is_bounded_in_time() -> None:
    [awaited] = Bench().first

    assert isinstance(awaited, Await)
    assert awaited.phase is Phase.HANDSHAKE


def test_a_hello_is_judged_before_a_certificate_is_chosen() -> None:
    bench = Bench()
    hook = bench.hello()
    assert hook.data.hello is not None
    assert hook.data.hello.sni == "shop.example"

    hook.data.treatment = "inspect"
    [showing] = bench.give(events.HookCompleted(hook))
    assert isinstance(showing, QuicHelloHook)
    showing.data.shown = shown()
    assert bench.give(events.HookCompleted(showing)) == []
    bench.pair.talk()
    [done] = [each for each in bench.pair.heard if isinstance(each, HandshakeCompleted)]
    [entered] = bench.give(Heard(bench.client, (done,)))
    assert isinstance(entered, Enter)
    assert (bench.client.alpn, bench.client.sni, bench.client.tls_version) == (b"h3", "shop.example", "TLSv1.3")
    assert len(bench.inside) == 1


@pytest.mark.parametrize(("problem", "alert"), [(Reason.NO_CERTIFICATE, 112), (None, 49)])
def test_a_hello_that_is_refused_ends_in_an_alert(problem: Reason | None, alert: int) -> None:
    bench = Bench()
    hook = bench.hello()
    hook.data.problem = problem
    [closing] = bench.give(events.HookCompleted(hook))

    assert isinstance(closing, commands.CloseConnection)
    assert vars(bench.pair.ours)["_close_event"].error_code == 0x100 + alert
    assert bench.inside == []


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (events.ConnectionClosed, Reason.PROTOCOL_REFUSED),
        (lambda client: Heard(client, (), "a fault"), Reason.PROTOCOL_REFUSED),
        (lambda _: events.Wakeup(commands.RequestWakeup(0)), Reason.HEAD_TIMEOUT),
    ],
    ids=["left", "wrong", "late"],
)
def test_a_handshake_that_comes_to_nothing_is_on_record(event: object, reason: Reason) -> None:
    bench = Bench()
    assert callable(event)
    [hook] = bench.give(event(bench.client))

    assert isinstance(hook, TunnelBrokenHook)
    assert hook.data.problem is reason


def test_a_handshake_without_a_certificate_goes_no_further() -> None:
    bench = Bench()
    hook = bench.hello()
    hook.data.treatment = "inspect"
    [showing] = bench.give(events.HookCompleted(hook))
    assert isinstance(showing, QuicHelloHook)

    with pytest.raises(LookupError, match="without a certificate"):
        bench.give(events.HookCompleted(showing))


def test_another_protocol_than_http3_goes_no_further() -> None:
    bench = Bench()
    done = HandshakeCompleted(alpn_protocol=None, early_data_accepted=False, session_resumed=False)

    with pytest.raises(LookupError, match="another protocol"):
        bench.give(Heard(bench.client, (done,)))
