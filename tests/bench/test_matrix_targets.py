from __future__ import annotations

from dataclasses import replace

import pytest

from tests.bench.matrix.cells import Cell
from tests.bench.matrix.targets import Verdict, verdicts


def cell(workload: str, subject: str, rate: float, p99_ms: float | None = None) -> Cell:
    return Cell(workload, subject, rate, (rate,), p99_ms=p99_ms)


@pytest.mark.parametrize(
    ("workload", "peer", "least", "wanted"),
    [
        ("reverse", "mitmdump", 3.0, "reverse: at least 3 times mitmdump"),
        ("forward", "mitmdump", 3.0, "forward: at least 3 times mitmdump"),
        ("inspected-new", "mitmdump", 3.0, "inspected-new: at least 3 times mitmdump"),
        ("inspected-kept", "mitmdump", 3.0, "inspected-kept: at least 3 times mitmdump"),
        ("tunnels", "mitmdump", 4.0, "tunnels: at least 4 times mitmdump"),
        ("tunnel-bytes", "Squid", 0.95, "tunnel-bytes: at least 0.95 times Squid"),
    ],
)
def test_each_target_is_met_at_its_bound_and_missed_below_it(
    workload: str, peer: str, least: float, wanted: str
) -> None:
    ours, theirs = cell(workload, "wicketgate", 1000 * least), cell(workload, peer, 1000.0)

    assert verdicts([ours, theirs]) == [Verdict(wanted, f"{least:.2f}", met=True)]
    below = replace(ours, rate=1000 * least - 100)
    assert verdicts([below, theirs]) == [Verdict(wanted, f"{least - 0.1:.2f}", met=False)]


def test_refusals_are_held_against_what_mitmdump_serves() -> None:
    cells = [
        cell("refused", "wicketgate", 4000.0),
        cell("forward", "wicketgate", 3500.0),
        cell("forward", "mitmdump", 1000.0),
    ]

    assert verdicts(cells) == [
        Verdict("forward: at least 3 times mitmdump", "3.50", met=True),
        Verdict("refused: at least 5 times mitmdump's forward", "4.00", met=False),
    ]


@pytest.mark.parametrize(
    "theirs",
    [Cell("reverse", "mitmdump", failed="no answer came"), cell("reverse", "Squid", 1.0)],
    ids=["failed", "absent"],
)
def test_what_was_not_measured_is_not_met(theirs: Cell) -> None:
    assert verdicts([cell("reverse", "wicketgate", 1.0), theirs]) == [
        Verdict("reverse: at least 3 times mitmdump", "not measured", met=False)
    ]


@pytest.mark.parametrize(("met", "p99_ms"), [(True, 10.9), (False, 11.0)])
def test_at_half_load_the_slowest_answers_are_held_against_the_origins_own(met: bool, p99_ms: float) -> None:  # noqa: FBT001 - the wanted value
    cells = [cell("reverse-half", "wicketgate", 500.0, p99_ms), cell("reverse-half", "origin alone", 9000.0, 2.0)]

    assert verdicts(cells) == [
        Verdict(
            "reverse-half: p99 below 3 times the origin's own and 5 ms", f"{p99_ms:.1f} ms, 11.0 is the bound", met=met
        )
    ]


@pytest.mark.parametrize(
    ("wanted", "theirs"),
    [
        ([Verdict("sse: ahead of proxy.py", "2.00 times", met=True)], cell("sse", "proxy.py", 500.0)),
        ([Verdict("sse: ahead of proxy.py", "1.00 times", met=False)], cell("sse", "proxy.py", 1000.0)),
        (
            [Verdict("sse: ahead of proxy.py", "it failed: no answer came", met=True)],
            Cell("sse", "proxy.py", failed="no answer came"),
        ),
        ([], Cell("sse", "proxy.py", unable="speaks no SSE")),
    ],
)
def test_the_gateway_is_to_be_ahead_of_another_proxy_in_python_wherever_that_can_do_it(
    wanted: list[Verdict], theirs: Cell
) -> None:
    assert verdicts([cell("sse", "wicketgate", 1000.0), theirs]) == wanted


def test_a_gateway_that_failed_is_ahead_of_nobody() -> None:
    cells = [Cell("sse", "wicketgate", failed="no answer came"), cell("sse", "proxy.py", 1.0)]

    assert verdicts(cells) == [Verdict("sse: ahead of proxy.py", "not measured", met=False)]
