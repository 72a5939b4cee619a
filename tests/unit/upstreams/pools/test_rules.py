from __future__ import annotations

import pytest

from gateway.upstreams.pools.rules import CheckRules, PoolRules


@pytest.mark.parametrize(("good", "status"), [(True, 200), (True, 299), (False, 300), (False, 199), (False, 503)])
def test_a_server_is_well_by_its_status(good: bool, status: int) -> None:  # noqa: FBT001 - the wanted value of a table's row
    assert CheckRules(path="/").is_good(status) is good


def test_any_of_several_ranges_will_do() -> None:
    check = CheckRules(path="/", statuses=((204, 204), (400, 499)))

    assert [status for status in (200, 204, 404, 500) if check.is_good(status)] == [204, 404]


def test_nobody_looks_after_servers_unless_told_what_to_ask_for() -> None:
    assert PoolRules().check is None
