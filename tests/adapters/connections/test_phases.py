from __future__ import annotations

from mitmproxy.proxy import commands

from addons.connections.phases import BOUNDED_AS_A_WHOLE, Await, Cut, Enter, HalfClose, HandOver, Hold, Phase, Watch


def test_only_what_has_to_come_to_an_end_soon_is_bounded_as_a_whole() -> None:
    assert {Phase.IDLE, Phase.HEAD, Phase.HANDSHAKE} == BOUNDED_AS_A_WHOLE


def test_layers_of_mitmproxy_hand_our_commands_on_without_touching_them() -> None:
    ours: list[type[commands.Command]] = [Enter, Await, Watch, Hold, HalfClose, HandOver, Cut]

    assert all(issubclass(each, commands.Command) for each in ours)
    assert not any(issubclass(each, commands.ConnectionCommand) for each in ours)
    assert not any(each.blocking for each in ours)


def test_a_layer_that_waits_for_a_phase_can_be_woken() -> None:
    assert isinstance(Await(Phase.HEAD), commands.RequestWakeup)
    assert isinstance(Watch(lambda _now, _sight: True), commands.RequestWakeup)
