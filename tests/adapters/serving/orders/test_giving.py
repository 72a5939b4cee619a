from __future__ import annotations

import pytest

from addons.serving.control import Refused
from addons.serving.orders.giving import USUAL, only, seconds_of


def test_what_an_order_has_no_use_for_is_refused() -> None:
    only({"seconds": "1"}, "seconds")
    with pytest.raises(Refused, match="`b` means nothing to this order, it takes `a`"):
        only({"b": ""}, "a")
    with pytest.raises(Refused, match="it takes nothing"):
        only({"b": ""})


@pytest.mark.parametrize("written", ["-1", "3601", "nan", "soon"])
def test_a_time_to_end_that_makes_no_sense_is_refused(written: str) -> None:
    assert (seconds_of({}), seconds_of({"seconds": "2.5"})) == (USUAL, 2.5)
    with pytest.raises(Refused, match="is no number of seconds from 0 to 3600"):
        seconds_of({"seconds": written})
