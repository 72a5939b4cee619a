from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.admin.token import METRICS, read
from gateway.metrics.families import AUDIT_GAPS
from gateway.metrics.snapshot import Snapshot
from tests.unit.admin.engines import answering, client

if TYPE_CHECKING:
    from pathlib import Path


def test_an_engine_that_counts_nothing_says_so_to_who_may_ask(tmp_path: Path) -> None:
    with answering(tmp_path, {"metrics": "nothing is counted here"}) as heard, client(tmp_path) as opened:
        scraper = {"Authorization": f"Bearer {read(tmp_path, METRICS).decode()}"}
        answer = opened.get("/metrics", headers=scraper)
        nobody = opened.get("/metrics", headers={"Authorization": ""})

    assert (answer.status_code, answer.json()["detail"]) == (409, "nothing is counted here")
    assert nobody.status_code == 401
    assert [each.verb for each in heard] == ["metrics"]


def test_open_metrics_need_no_token(tmp_path: Path) -> None:
    with answering(tmp_path, {"metrics": "nothing"}), client(tmp_path, open_metrics=True) as opened:
        assert opened.get("/metrics", headers={"Authorization": ""}).status_code == 409


def test_numbers_are_told_as_prometheus_reads_them(tmp_path: Path) -> None:
    numbers = Snapshot({AUDIT_GAPS.name: {(): 3}}).as_data()
    with answering(tmp_path, {"metrics": numbers}), client(tmp_path) as opened:
        answer = opened.get("/metrics")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "wicketgate_audit_gaps_total 3.0" in answer.text
