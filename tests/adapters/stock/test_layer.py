from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, override

import pytest
from mitmproxy.connection import Client, ConnectionState, Server
from mitmproxy.options import Options
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers.http._hooks import HttpRequestHook
from mitmproxy.test import tflow

from addons.connections.bounds import Bounds
from addons.connections.phases import Await, Cut, Enter, HalfClose, Hold, Phase, Watch
from addons.stock.hooks import Answers
from addons.stock.layer import LINGER, LINGER_BYTES, Ground, Grounded, Shut

if TYPE_CHECKING:
    from addons.connections.phases import Sight
    from addons.http1.client_side import Commands

type Script = Callable[[events.Event], Iterator[commands.Command]]


@dataclass
class Transport:
    """A socket of mitmproxy's, as far as it is asked for something."""

    done: list[str] = field(default_factory=list)
    unsent: int = 0

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def get_protocol(self) -> None:
        return None

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.done.append("pause")

    def resume_reading(self) -> None:
        self.done.append("resume")

    def abort(self) -> None:
        self.done.append("abort")

    def get_extra_info(self, _name: str) -> None:
        return None


@dataclass
class Stand:
    """A grounded layer whose inside says what a test scripts."""

    script: Script
    now: float = 0.0
    transport: Transport = field(default_factory=Transport)
    answers: Answers = field(default_factory=Answers)
    seen: list[events.Event] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    late: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), state=ConnectionState.OPEN)
        context, stand = Context(self.client, Options()), self

        class Inside(Layer):
            @override
            def _handle_event(self, event: events.Event) -> Commands:
                stand.seen.append(event)
                yield from stand.script(event)

        transport: Any = self.transport
        ground = Ground(
            answers=self.answers,
            heard=frozenset({"request"}),
            bounds=Bounds(),
            failed=lambda _client, place, error: self.failed.append((place, type(error).__name__)),
            late=lambda client: self.late.append(client.id),
            transport=lambda _client, _connection: transport,
            clock=lambda: self.now,
        )
        self.layer = Grounded(context, Inside, ground)
        (self.tick,) = self.see(events.Start())[:1]

    def see(self, event: events.Event) -> list[commands.Command]:
        return list(self.layer.handle_event(event))

    def data(self, data: bytes = b"x") -> list[commands.Command]:
        return self.see(events.DataReceived(self.client, data))

    def wait(self, seconds: float) -> list[commands.Command]:
        """Let time pass, and the tick come; what is said beside the next tick comes back."""
        self.now += seconds
        tick: Any = self.tick
        *said, self.tick = self.see(events.Wakeup(tick))
        return said


def _says(*said: commands.Command) -> Script:
    """Says it on the first data."""
    rest = list(said)

    def script(event: events.Event) -> Iterator[commands.Command]:
        if isinstance(event, events.DataReceived):
            yield from rest
            rest.clear()

    return script


def _names(said: list[commands.Command]) -> list[str]:
    return [type(each).__name__ for each in said]


def test_a_hook_that_passed_goes_on_inside() -> None:
    flow = tflow.tflow()
    stand = Stand(_says(HttpRequestHook(flow)))
    (hook,) = stand.data()
    stand.answers.say("request", flow, "passed")

    assert stand.see(events.HookCompleted(hook)) == []  # type: ignore[arg-type]  # it is a hook
    assert (stand.failed, stand.transport.done) == ([], [])


@pytest.mark.parametrize(("wanted", "outcome"), [([], "failed"), ([("request", "LookupError")], None)])
def test_a_hook_that_failed_or_was_never_called_ends_everything(wanted: list[tuple[str, str]], outcome: Any) -> None:
    flow = tflow.tflow()
    stand = Stand(_says(HttpRequestHook(flow)))
    hook: Any = stand.data()[0]
    if outcome is not None:
        stand.answers.say("request", flow, outcome)
    seen = len(stand.seen)

    assert _names(stand.see(events.HookCompleted(hook))) == ["CloseConnection"]
    assert (stand.failed, stand.transport.done) == (wanted, ["abort"])
    assert (stand.data(), len(stand.seen)) == ([], seen)


@pytest.mark.parametrize(("wanted", "passed"), [(["abort"], False), ([], True)])
def test_an_upstream_whose_hook_did_not_pass_gets_no_byte(wanted: list[str], passed: bool) -> None:  # noqa: FBT001 - the wanted value of a table's row
    server = Server(address=("192.0.2.1", 80))
    stand = Stand(_says(commands.OpenConnection(server)))
    opening: Any = stand.data()[0]
    if passed:
        stand.answers.say("server_connected", server, "passed")

    said = stand.see(events.OpenConnectionCompleted(opening, None))

    assert [each.connection for each in said if isinstance(each, commands.CloseConnection)] == (
        [] if passed else [server, stand.client]
    )
    assert wanted == stand.transport.done


def test_a_layer_that_breaks_ends_its_connection() -> None:
    def breaks(event: events.Event) -> Iterator[commands.Command]:
        yield from ()
        if not isinstance(event, events.Start):
            raise LookupError("broken")  # noqa: TRY004 - any error will do

    stand = Stand(breaks)

    assert _names(stand.data()) == ["CloseConnection"]
    assert (stand.failed, stand.transport.done) == ([("layer", "LookupError")], ["abort"])


def test_a_client_is_held_and_let_go() -> None:
    stand = Stand(_says(Hold(held=True), Hold(held=True), Hold(held=False), Hold(held=False)))

    assert stand.data() == []
    assert stand.transport.done == ["pause", "pause", "pause", "resume"]


def test_a_cut_body_is_no_whole_one() -> None:
    stand = Stand(_says(Cut()))

    assert (_names(stand.data()), stand.transport.done) == (["CloseConnection"], ["abort"])


def test_a_half_end_is_half_a_close() -> None:
    server = Server(address=("192.0.2.1", 80))
    (said,) = Stand(_says(HalfClose(server))).data()

    assert isinstance(said, commands.CloseTcpConnection)
    assert (said.connection, said.half_close) == (server, True)


def test_a_head_that_does_not_end_wakes_the_layer_that_waits_for_it() -> None:
    waiting = Await(Phase.HEAD)
    stand = Stand(_says(waiting))
    assert stand.data() == []

    for _ in range(11):
        stand.data()
        assert stand.wait(1.0) == []

    woken = [each.command for each in stand.seen if isinstance(each, events.Wakeup)]
    assert woken == [waiting]


def test_a_layer_that_watches_is_looked_at_with_every_tick_and_woken() -> None:
    looked: list[tuple[float, bool, int]] = []

    def look(now: float, sight: Sight) -> bool:
        looked.append((now, sight.awaits(stand.client), sight.unsent(stand.client)))
        return now > 1.0

    watch = Watch(look)
    stand = Stand(_says(watch, watch))
    stand.data()
    stand.transport.unsent = 7
    stand.wait(1.0)
    before = [each.command for each in stand.seen if isinstance(each, events.Wakeup)]
    stand.wait(1.0)

    assert before == []
    assert [each.command for each in stand.seen if isinstance(each, events.Wakeup)] == [watch]
    assert looked == [(1.0, False, 7), (2.0, False, 7)]


def test_a_silent_tunnel_is_told_of_and_let_go() -> None:
    stand = Stand(_says(Enter(Phase.TUNNEL)))
    stand.data()

    assert stand.wait(3600.0) == []
    assert _names(stand.wait(1.0)) == ["CloseTcpConnection"]
    assert stand.late == [stand.client.id]


def test_a_silent_client_is_let_go() -> None:
    stand = Stand(_says(Enter(Phase.IDLE)))
    stand.data()

    assert (stand.wait(75.0), _names(stand.wait(1.0))) == ([], ["CloseTcpConnection"])


def test_an_answer_is_not_taken_away_by_the_close_behind_it() -> None:
    stand = Stand(_says())
    stand.script = _says(commands.CloseConnection(stand.client))

    (half,) = stand.data()
    seen = len(stand.seen)

    assert isinstance(half, commands.CloseTcpConnection)
    assert half.half_close
    assert (stand.data(), len(stand.seen)) == ([], seen)
    assert (stand.wait(LINGER), _names(stand.wait(0.1))) == ([], ["CloseConnection"])


def test_a_client_that_does_not_stop_sending_is_closed_on() -> None:
    stand = Stand(_says())
    stand.script = _says(commands.CloseConnection(stand.client))
    stand.data()

    assert stand.data(bytes(LINGER_BYTES)) == []
    assert _names(stand.data()) == ["CloseConnection"]


def test_what_cannot_be_judged_is_shut() -> None:
    client = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), state=ConnectionState.OPEN)
    shut = Shut(Context(client, Options()))

    assert _names(list(shut.handle_event(events.Start()))) == ["CloseConnection"]
