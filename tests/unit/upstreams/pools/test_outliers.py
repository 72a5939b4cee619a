from __future__ import annotations

from gateway.upstreams.pools.outliers import Outlier, OutlierRules

RULES = OutlierRules(failures=3, base=30.0, longest=70.0)


def test_only_failures_in_a_row_count() -> None:
    outlier, due = Outlier(RULES), []

    for served in (False, False, True, False, False, False):
        if served:
            outlier.served()
        else:
            outlier.failed()
        due.append(outlier.is_due)

    assert due == [False, False, False, False, False, True]


def test_every_ejection_lasts_longer_than_the_one_before_up_to_the_longest() -> None:
    outlier, now, lasted = Outlier(RULES), 1000.0, []

    for _ in range(4):
        until = outlier.eject(now)
        lasted.append(until - now)
        now = until + 1.0

    assert lasted == [30.0, 60.0, 70.0, 70.0]


def test_who_was_well_for_long_enough_begins_anew() -> None:
    outlier = Outlier(RULES)
    outlier.eject(1000.0)
    until = outlier.eject(1031.0)

    assert outlier.eject(until + 71.0) - (until + 71.0) == 30.0


def test_an_ejection_begins_at_once_and_ends_by_itself() -> None:
    outlier = Outlier(RULES)
    for _ in range(3):
        outlier.failed()
    outlier.eject(1000.0)

    assert [outlier.is_out(now) for now in (1000.0, 1029.9, 1030.0)] == [True, True, False]
    assert not outlier.is_due
