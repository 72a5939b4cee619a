from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from addons.serving.control import Refused
from tests.adapters.serving.orders.asked import asking, written

if TYPE_CHECKING:
    from pathlib import Path


def test_a_reload_and_a_drain_are_written_down_and_done(tmp_path: Path) -> None:
    with asking(tmp_path) as ask:
        assert ask("reload") == {"kept": 0}
        assert ask("drain", seconds="2.5") == {"connections": 0, "seconds": 2.5}
        assert ask.life.told == [(2.5, "told to drain")]
        with pytest.raises(Refused, match="ending already"):
            ask("drain")

    orders = [(order, what) for _, _, order, what, _ in written(tmp_path)]
    assert orders == [("reload", {}), ("drain", {"seconds": "2.5"})]


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "3601", "soon", ""])
def test_a_time_that_is_none_drains_nothing(seconds: str, tmp_path: Path) -> None:
    with asking(tmp_path) as ask:
        with pytest.raises(Refused, match="is no number of seconds from 0 to 3600"):
            ask("drain", seconds=seconds)
        assert ask.life.told == []
