from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.adapters.serving.orders.asked import asking

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
