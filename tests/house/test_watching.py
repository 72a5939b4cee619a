"""Dashboard, alerts and reference speak of metrics and labels that there are, and Prometheus understands them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from gateway.metrics.families import FAMILIES, Kind
from gateway.metrics.table import table
from tests.house.sources import ROOT
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DASHBOARD = ROOT / "deploy" / "grafana" / "wicketgate.json"
ALERTS = ROOT / "deploy" / "prometheus"
REFERENCE = ROOT / "docs" / "reference" / "metrics.md"
METRIC = re.compile(r"\bwicketgate_[a-z_]+")
GROUPED = re.compile(r"\bby \(([^)]*)\)")
MATCHED = re.compile(r'([a-z]+)\s*(?:=~|!~|!=|=)\s*"')
SHOWN = re.compile(r"{{\s*(?:\$labels\.)?([a-z]+)\s*}}")
SUBJECTS = {
    "decisions by verdict": "wicketgate_decisions_total",
    "top rules": "rule!=",
    "latency with the origin": "wicketgate_exchange_duration_seconds_bucket",
    "latency without the origin": "wicketgate_decision_duration_seconds_bucket",
    "connections": "wicketgate_connections_open",
    "health of upstreams": "wicketgate_upstream_servers",
    "lag of the audit log": "wicketgate_audit_last_sync_timestamp_seconds",
    "age of lists": "wicketgate_list_modified_timestamp_seconds",
    "reloads": "wicketgate_reloads_total",
    "limits": "wicketgate_limit_refusals_total",
    "cache": "wicketgate_cache_requests_total",
    "traces": "wicketgate_trace_spans_total",
}


def targets() -> list[tuple[str, str]]:
    """Every query of the dashboard, with the legend of its lines."""
    board = json.loads(DASHBOARD.read_text("utf-8"))
    return [(each["expr"], each["legendFormat"]) for panel in board["panels"] for each in panel.get("targets", ())]


def queries() -> list[str]:
    """Every query, of the dashboard and of the alerts."""
    rules = (ALERTS / "alerts.yaml").read_text("utf-8")
    return [*(query for query, _ in targets()), *re.findall(r"expr: ((?:>-\n)?(?:.|\n)*?)\n\s+(?:for|labels):", rules)]


def labels_of(query: str) -> set[str]:
    """What series of this query can be told apart by."""
    names = {_family(name) for name in METRIC.findall(query)}
    return {label for name in names if name in FAMILIES for label in FAMILIES[name].labels} | {"le"}


def _family(name: str) -> str:
    base = re.sub(r"_(bucket|count|sum)$", "", name)
    return base if base in FAMILIES and FAMILIES[base].kind is Kind.HISTOGRAM else name


def test_there_are_queries_to_look_at() -> None:
    assert len(targets()) > 30
    assert len(queries()) == len(targets()) + (ALERTS / "alerts.yaml").read_text("utf-8").count("- alert:")


@pytest.mark.parametrize("query", queries())
def test_every_query_names_metrics_and_labels_that_there_are(query: str) -> None:
    names = {_family(name) for name in METRIC.findall(query)}
    asked = {label.strip() for grouped in GROUPED.findall(query) for label in grouped.split(",")}
    asked |= set(MATCHED.findall(query))

    assert names
    assert names - FAMILIES.keys() == set()
    assert asked - labels_of(query) == set()


@pytest.mark.parametrize(("query", "legend"), targets())
def test_every_legend_names_labels_that_its_query_leaves(query: str, legend: str) -> None:
    grouped = {label.strip() for each in GROUPED.findall(query) for label in each.split(",")}

    assert set(SHOWN.findall(legend)) - (grouped or labels_of(query)) == set()


@pytest.mark.parametrize(("subject", "part"), SUBJECTS.items(), ids=SUBJECTS)
def test_the_dashboard_shows_what_an_operator_looks_for(subject: str, part: str) -> None:
    assert [query for query, _ in targets() if part in query] != []


def test_panels_have_places_of_their_own() -> None:
    panels: list[dict[str, Any]] = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    taken = [place for panel in panels for place in _cells(panel["gridPos"])]

    assert len(taken) == len(set(taken))
    assert len({panel["id"] for panel in panels}) == len(panels)


def _cells(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    for row in range(place["y"], place["y"] + place["h"]):
        for column in range(place["x"], place["x"] + place["w"]):
            assert column < 24
            yield row, column


def test_prometheus_understands_every_query_of_the_dashboard(tmp_path: Path) -> None:
    rules = [
        {"record": f"query:{number}", "expr": re.sub(r"\$__\w+", "5m", query).replace("$listener", ".*")}
        for number, (query, _) in enumerate(targets())
    ]
    (tmp_path / "queries.yaml").write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}), "utf-8")

    assert promtool("check", "rules", str(tmp_path / "queries.yaml")) == 0


def test_the_alerts_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    for each in ALERTS.glob("*.yaml"):
        shutil.copy(each, tmp_path)
    tests = (ALERTS / "alerts.test.yaml").read_text("utf-8")
    alerts = re.findall(r"- alert: (\w+)", (ALERTS / "alerts.yaml").read_text("utf-8"))

    assert promtool("check", "rules", str(tmp_path / "alerts.yaml")) == 0
    assert promtool("test", "rules", str(tmp_path / "alerts.test.yaml")) == 0
    assert [alert for alert in alerts if f'alertname="{alert}"' not in tests] == []
    assert [alert for alert in alerts if f"alertname: {alert}, exp_alerts: []" not in tests] == []


def promtool(*arguments: str) -> int:
    return subprocess.run([program("promtool"), *arguments], capture_output=True, check=False).returncode


def test_the_reference_holds_the_table_of_the_families() -> None:
    """`python -m gateway.metrics.table` prints it."""
    assert table() in REFERENCE.read_text("utf-8")
