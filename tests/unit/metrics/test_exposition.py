from __future__ import annotations

import subprocess
import sys
from itertools import accumulate
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as classic

from gateway.metrics.exposition import OPENMETRICS, render
from gateway.metrics.families import ACCEPTED, DECISIONS, DURATION, FAMILIES, STARTED, Kind
from gateway.metrics.snapshot import BUCKETS, Distribution, Snapshot
from tests.programs import program
from tests.unit.metrics.numbers import SNAPSHOTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prometheus_client.metrics_core import Metric

type Found = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(families: Iterable[Metric]) -> Found:
    """Every sample of a text, by its name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def wanted(snapshot: Snapshot) -> Found:
    """What the text has to say."""
    found: Found = {}
    for name, series in snapshot.families.items():
        family = FAMILIES[name]
        for values, value in series.items():
            labels = dict(zip(family.labels, values, strict=True))
            key = tuple(sorted(labels.items()))
            if not isinstance(value, Distribution):
                found[name, key] = value / family.grain
                continue
            ends = ["0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0"]
            for end, count in zip(
                [*ends, "10.0", "30.0", "60.0", "300.0", "+Inf"], accumulate(value.counts), strict=True
            ):
                found[f"{name}_bucket", tuple(sorted({**labels, "le": end}.items()))] = count
            found[f"{name}_count", key] = sum(value.counts)
            found[f"{name}_sum", key] = value.total / 1_000_000
    return found


@pytest.mark.parametrize(("accept", "parse"), [("", classic), (f"{OPENMETRICS}; version=1.0.0", openmetrics)])
def test_the_text_is_parsed_back_to_the_same_numbers(accept: str, parse: Callable[[str], Iterable[Metric]]) -> None:
    @given(SNAPSHOTS)
    def law(snapshot: Snapshot) -> None:
        text, _ = render(snapshot, accept)

        assert samples(parse(text.decode())) == wanted(snapshot)

    law()


@pytest.mark.parametrize(
    ("kind", "accept"),
    [
        ("text/plain; version=0.0.4; charset=utf-8", ""),
        ("text/plain; version=0.0.4; charset=utf-8", "*/*"),
        ("text/plain; version=0.0.4; charset=utf-8", "text/plain;version=0.0.4;q=0.5"),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", OPENMETRICS),
    ],
)
def test_who_asks_says_which_format(kind: str, accept: str) -> None:
    text, said = render(Snapshot({ACCEPTED.name: {("egress",): 1}}), accept)

    assert said.partition("; escaping")[0] == kind
    assert (b"# EOF" in text) is kind.startswith(OPENMETRICS)


def test_every_family_has_its_help_its_type_and_its_unit() -> None:
    text, _ = render(Snapshot({STARTED.name: {(): 1_500_000}, ACCEPTED.name: {("egress",): 1}}), OPENMETRICS)

    assert text.decode().splitlines() == [
        "# HELP wicketgate_connections_accepted Connections that were served.",
        "# TYPE wicketgate_connections_accepted counter",
        'wicketgate_connections_accepted_total{listener="egress"} 1.0',
        "# HELP wicketgate_process_start_time_seconds When the first of them was started.",
        "# TYPE wicketgate_process_start_time_seconds gauge",
        "# UNIT wicketgate_process_start_time_seconds seconds",
        "wicketgate_process_start_time_seconds 1.5",
        "# EOF",
    ]


def test_words_of_a_policy_cannot_break_the_text() -> None:
    rule = 'a"} 9\nwicketgate_decisions_total{x="\\'
    text, _ = render(Snapshot({DECISIONS.name: {("egress", "deny", "rule-deny", rule): 1}}))

    ((key, value),) = samples(classic(text.decode())).items()
    assert (dict(key[1])["rule"], value) == (rule, 1.0)


def test_promtool_has_nothing_to_say() -> None:
    every = Snapshot(
        {
            name: {("x",) * len(family.labels): Distribution((1,) * BUCKETS, 1) if family.kind is Kind.HISTOGRAM else 1}
            for name, family in FAMILIES.items()
        }
    )
    checked = subprocess.run(
        [program("promtool"), "check", "metrics"], input=render(every)[0], capture_output=True, check=False
    )

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_what_writes_the_text_is_imported_by_the_first_who_asks() -> None:
    look = "import sys, gateway.metrics.exposition; print('prometheus_client' in sys.modules)"

    assert subprocess.check_output([sys.executable, "-c", look]) == b"False\n"


def test_a_family_of_which_there_is_nothing_is_not_shown() -> None:
    assert render(Snapshot({DURATION.name: {}}))[0] == b""
