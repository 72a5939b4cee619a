from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.admin.models.questions import CacheStock, ServerStanding, Upstream
from gateway.cache.caches import Stock
from gateway.control.merging import WAYS

SERVER: dict[str, Any] = {
    "url": "http://10.0.0.1:80",
    "weight": 1,
    "standing": "up",
    "healthy": True,
    "ejected": False,
    "draining": False,
    "in_flight": 2,
    "note": "",
}


def upstream(**changes: Any) -> dict[str, Any]:
    return {"name": "app", "balance": "round-robin", "checked": False, "servers": [{**SERVER, **changes}]}


def test_servers_are_told_of_one_process_and_of_several_workers() -> None:
    alone = Upstream.model_validate(upstream(), strict=True)
    merged = WAYS["upstreams"].merge([{"upstreams": [upstream()]}, {"upstreams": [upstream(standing="down")]}])
    together = Upstream.model_validate(merged["upstreams"][0], strict=True)

    assert alone.servers[0].workers is None
    assert (together.servers[0].standing, together.servers[0].in_flight) == ("down", 4)
    assert together.servers[0].workers == ["up", "down"]


def test_a_standing_that_nobody_knows_is_none() -> None:
    with pytest.raises(ValidationError):
        ServerStanding.model_validate({**SERVER, "standing": "well"})


def test_a_cache_says_what_its_stock_says() -> None:
    assert CacheStock.model_validate(asdict(Stock(listener="shop", memory=1, disk=2, files=3)), strict=True).files == 3
