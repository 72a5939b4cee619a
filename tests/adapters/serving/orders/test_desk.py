from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from addons.serving.control import Caller, Refused
from addons.serving.orders.desk import Desk
from tests.adapters.serving.orders.asked import NOW, asking, written

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_about_to_be_done_is_written_down_with_who_wants_it_or_is_not_done(tmp_path: Path) -> None:
    with asking(tmp_path) as ask:
        desk = Desk(ask.gateway.engine, ask.life, lambda: NOW)
        desk.write_down(Caller(1000, 4711, "somebody"), "drain", {"seconds": "5"}, 3)
    with pytest.raises(Refused, match="could not be written down, and so it was not done"):
        desk.write_down(Caller(1000, 4711), "drain", {})

    assert written(tmp_path) == [(1000, "somebody", "drain", {"seconds": "5"}, 3)]


def test_of_several_listeners_one_has_to_be_named(tmp_path: Path) -> None:
    with asking(tmp_path) as ask:
        desk = Desk(ask.gateway.engine, ask.life)
        assert desk.listener({"listener": "reverse"}).name == "reverse"
        for given in ({}, {"listener": "nowhere"}):
            with pytest.raises(Refused, match="one of `forward`, `reverse`"):
                desk.listener(given)
        assert desk.client_name() is None
