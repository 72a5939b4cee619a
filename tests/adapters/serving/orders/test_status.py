from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.control.listing import Unfetched
from gateway.lists.load import LoadedLists
from gateway.policy.language.clauses import Feed
from gateway.policy.names import Host
from tests.adapters.serving.orders.asked import NOW, asking

if TYPE_CHECKING:
    from pathlib import Path


def test_the_status_says_what_runs_and_whether_it_is_well(tmp_path: Path) -> None:
    with asking(tmp_path) as ask:
        told = ask("status")
        ask.life.is_ending = True
        ending = ask("status")
        ask.life.started, ask.life.is_ending = 0.0, False
        early = ask("status")

    assert (told["version"], told["pid"], told["uptime"], told["connections"]) == ("1.2.3", os.getpid(), 60.0, 0)
    assert [(each["ready"], each["draining"]) for each in (told, ending, early)] == [
        (True, False),
        (False, True),
        (False, False),
    ]
    assert [(each["name"], each["policy"]["name"], each["policy"]["kept_because"]) for each in told["listeners"]] == [
        ("forward", "open", []),
        ("reverse", "open", []),
    ]
    assert (told["audit"]["healthy"], told["audit"]["trouble"]) == (True, None)
    assert told["audit"]["last"] > 0
    assert early["started"] is None
    assert told["lists"] == []


def test_a_list_with_which_something_is_amiss_is_told_with_why(tmp_path: Path) -> None:
    feed = "https://lists.example/ads"
    with asking(tmp_path) as ask:
        first = ask.gateway.engine.listeners[0].store
        held = first.lists["ads"]
        document = replace(held.document, feed=Feed(feed, Host.parse("lists.example"), 443, "/ads"))
        first._lists = LoadedLists({"ads": replace(held, document=document)})  # noqa: SLF001 - one that was fetched
        first.unfetched["ads"] = Unfetched(feed, "answered 503", NOW)
        (told,) = ask("status")["lists"]

    assert (told["listener"], told["name"]) == ("forward", "ads")
    assert told["problems"][0].startswith(f"`{feed}` answered 503, since ")
