from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.conditions import truth
from tests.gates import facts

if TYPE_CHECKING:
    from gateway.policy.kleene import Truth

WORKING = {"days": "mon-fri", "from": "09:00", "to": "17:00", "zone": "Europe/Berlin"}
NIGHT = {"days": "fri", "from": "22:00", "to": "06:00", "zone": "UTC"}


@pytest.mark.parametrize(
    ("wanted", "asked", "moment"),
    [
        (True, WORKING, "2026-11-23T08:00:00+00:00"),
        (False, WORKING, "2026-11-23T07:59:59+00:00"),
        (True, WORKING, "2026-11-23T15:59:59+00:00"),
        (False, WORKING, "2026-11-23T16:00:00+00:00"),
        (True, WORKING, "2026-07-06T07:00:00+00:00"),
        (False, WORKING, "2026-11-22T10:00:00+00:00"),
        (True, NIGHT, "2026-11-27T22:00:00+00:00"),
        (True, NIGHT, "2026-11-28T05:59:00+00:00"),
        (False, NIGHT, "2026-11-28T06:00:00+00:00"),
        (False, NIGHT, "2026-11-28T22:00:00+00:00"),
        (False, NIGHT, "2026-11-27T05:00:00+00:00"),
    ],
)
def test_a_window_is_open_as_the_clocks_of_its_zone_show(wanted: Truth, asked: Any, moment: str) -> None:
    assert truth("time", asked, facts(now=datetime.fromisoformat(moment).timestamp())) is wanted
