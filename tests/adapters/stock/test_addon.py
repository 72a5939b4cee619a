from __future__ import annotations

import asyncio
from typing import Any, NoReturn

import pytest
from mitmproxy import ctx, exceptions
from mitmproxy.connection import Client, ConnectionState
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import NextLayer
from mitmproxy.test import tflow

from addons.connections.fail_closed import HOOKS
from addons.stock.addon import StockAddon
from addons.stock.layer import Shut
from tests.adapters.mitmdump import with_mitmdump


class Ended(Exception):  # noqa: N818 - it says what happened
    """The process would have ended, with these reasons."""


def _end(*reasons: str) -> NoReturn:
    raise Ended(*reasons)


def _client() -> Client:
    return Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), state=ConnectionState.OPEN)


def _loaded(master: Any) -> StockAddon:
    """An addon that mitmproxy took, before it runs."""
    addon = StockAddon(end=_end)
    master.addons.add(addon)
    addon.configure(set())
    return addon


def test_every_hook_of_the_adapters_is_answered() -> None:
    addon = StockAddon()

    assert [name for name in HOOKS if not callable(getattr(addon, name, None))] == []


def test_before_it_judges_everything_is_refused() -> None:
    addon: Any = StockAddon(end=_end)
    client, flow = _client(), tflow.tflow()
    flow.live = True
    nextlayer = NextLayer(Context(client, with_mitmdump(lambda master: master.options)))

    asyncio.run(addon.client_connected(client))
    asyncio.run(addon.requestheaders(flow))
    addon.next_layer(nextlayer)

    assert (client.error, flow.killable, type(nextlayer.layer)) == ("refused", False, Shut)


def test_a_client_that_mitmproxy_turned_away_stays_turned_away() -> None:
    addon: Any = StockAddon(end=_end)
    client = _client()
    client.error = "blocked"

    asyncio.run(addon.client_connected(client))

    assert client.error == "blocked"


def test_what_a_user_asked_for_in_vain_ends_the_process() -> None:
    with pytest.raises(Ended, match="option `ssl_insecure` is `True`"):
        with_mitmdump(_loaded, ssl_insecure=True)


def test_an_addon_that_mitmproxy_dropped_ends_the_process() -> None:
    addon: Any = StockAddon(end=_end)

    with pytest.raises(Ended, match="mitmproxy did not take this addon"):
        addon._check_that_it_is_there()  # noqa: SLF001 - mitmproxy's loop calls it


def test_an_option_that_is_changed_later_is_put_back() -> None:
    def change(master: Any) -> tuple[str, bool]:
        _loaded(master)
        with pytest.raises(exceptions.OptionsError, match="`ssl_insecure` is `True`") as error:
            master.options.update(ssl_insecure=True)
        return str(error.value), master.options.ssl_insecure

    said, value = with_mitmdump(change)

    assert ("leave it at `False`" in said, value) == (True, False)


def test_people_who_change_flows_by_hand_are_no_surroundings_for_a_policy() -> None:
    def run(master: Any) -> None:
        addon = _loaded(master)
        master.addons.lookup["view"] = object()
        addon.running()

    with pytest.raises(Ended, match="run `mitmdump`"):
        with_mitmdump(run)


def test_an_unloaded_addon_ends_the_process_and_the_end_of_mitmproxy_does_not() -> None:
    def unload(master: Any) -> None:
        with pytest.raises(Ended, match="the addon was unloaded"):
            StockAddon(end=_end).done()
        master.should_exit.set()
        StockAddon(end=_end).done()
        assert ctx.master is master

    with_mitmdump(unload)
