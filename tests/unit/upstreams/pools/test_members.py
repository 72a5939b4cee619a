from __future__ import annotations

import pytest

from gateway.upstreams.pools.members import Member, Standing
from tests.unit.upstreams.pools.servers import server, url


def test_a_member_is_named_as_people_write_its_server() -> None:
    assert Member(server("a.test")).name == url("a.test")
    assert Member(server("2001:db8::1")).name == "http://[2001:db8::1]:8000"


def test_leaving_counts_more_than_failing_checks_and_these_more_than_failing_requests() -> None:
    member, standings = Member(server("a.test")), []

    standings.append(member.standing(1000.0))
    member.outlier.eject(1000.0)
    standings.append(member.standing(1000.0))
    member.health.checked(well=False)
    standings.append(member.standing(1000.0))
    member.is_draining = True
    standings.append(member.standing(1000.0))

    assert standings == [Standing.UP, Standing.EJECTED, Standing.DOWN, Standing.DRAINING]


@pytest.mark.parametrize(
    ("seconds", "share"), [(0.0, 1.0), (0.5, 1.0), (2.0, 2.0), (5.0, 5.0), (10.0, 10.0), (100.0, 10.0)]
)
def test_who_joins_starts_slowly(seconds: float, share: float) -> None:
    member = Member(server("a.test", weight=10), joined=1000.0)

    assert member.weight(1000.0 + seconds, slow_start=10.0) == pytest.approx(share)


def test_without_a_slow_start_the_share_is_the_weight_at_once() -> None:
    assert Member(server("a.test", weight=3), joined=1000.0).weight(1000.0, slow_start=0.0) == 3.0
