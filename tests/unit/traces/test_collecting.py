from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.audit.export.receivers import NotTaken
from gateway.audit.export.rules import Secret
from gateway.audit.export.targets import Target
from gateway.config.settings import TraceSettings
from gateway.policy.errors import Malformed
from gateway.traces.collecting import collector_of, problems_of
from tests.unit.traces.drawn import span

if TYPE_CHECKING:
    from pathlib import Path

HERE = Target("http", "127.0.0.1", 9, "/v1/traces")
THERE = Target("https", "collector.example", 4318, "/v1/traces")


def test_the_collector_is_told_the_secret_of_the_operator() -> None:
    settings = TraceSettings(target=HERE, authorization=Secret(environment="TOKEN"))

    assert collector_of(settings, "1", {"TOKEN": "Bearer x"}).fields == {"Authorization": "Bearer x"}
    assert collector_of(TraceSettings(target=HERE), "1", {}).fields == {}
    with pytest.raises(Malformed, match="the variable `TOKEN` is not set"):
        collector_of(settings, "1", {})


def test_one_that_is_not_there_takes_nothing() -> None:
    collector = collector_of(TraceSettings(target=HERE), "1", {})

    with pytest.raises(NotTaken, match=r"`http://127.0.0.1:9/v1/traces`: connection refused"):
        collector.deliver([span()])
    collector.close()


def test_every_problem_of_a_start_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing", "ascii")

    assert problems_of(TraceSettings(target=HERE), {}) == []
    assert problems_of(TraceSettings(target=THERE, trust=tmp_path / "ca.pem"), {}) == [
        f"traces: the file `{tmp_path / 'ca.pem'}` holds no certificates in PEM"
    ]
    assert problems_of(TraceSettings(target=THERE, authorization=Secret(environment="X")), {}) == [
        "traces: the variable `X` is not set"
    ]
