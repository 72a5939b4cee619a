from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from addons.serving.control import Refused
from addons.serving.orders.desk import Desk
from addons.serving.orders.table import orders
from tests.adapters.serving.orders.asked import asking

if TYPE_CHECKING:
    from pathlib import Path


def test_every_order_is_there_by_its_word_and_has_no_use_for_what_it_does_not_know(tmp_path: Path) -> None:
    with asking(tmp_path) as ask:
        table = orders(Desk(ask.gateway.engine, ask.life))
        assert table.keys() >= {"status", "reload", "drain", "policies", "lists", "explain", "upstreams", "limits"}
        for verb in sorted(table):
            with pytest.raises(Refused):
                ask(verb, nonsense="x", more="y")
