from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.cli.metrics import main
from gateway.cli.outcome import Unusable
from gateway.metrics.families import ACCEPTED
from tests.unit.cli.test_ordering import saying

if TYPE_CHECKING:
    from pathlib import Path

SAID: dict[str, Any] = {"families": {ACCEPTED.name: [[["egress"], 3]]}}
HELP = "Connections that were served."
CLASSIC = f"""# HELP wicketgate_connections_accepted_total {HELP}
# TYPE wicketgate_connections_accepted_total counter
wicketgate_connections_accepted_total{{listener="egress"}} 3.0
"""
OPENMETRICS = f"""# HELP wicketgate_connections_accepted {HELP}
# TYPE wicketgate_connections_accepted counter
wicketgate_connections_accepted_total{{listener="egress"}} 3.0
# EOF
"""


def printed(folder: Path, capsys: pytest.CaptureFixture[str], *argv: str, answer: dict[str, Any] | None = None) -> str:
    thread = saying(folder, json.dumps({"done": SAID if answer is None else answer}).encode() + b"\n")
    try:
        assert main(["--state", str(folder), *argv]) == 0
    finally:
        thread.join()
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "argv"), [(CLASSIC, []), (CLASSIC, ["--format", "text"]), (OPENMETRICS, ["--format", "openmetrics"])]
)
def test_the_metrics_are_printed_as_prometheus_reads_them(
    text: str, argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printed(tmp_path, capsys, *argv) == text


def test_programs_get_the_bare_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(printed(tmp_path, capsys, "--format", "json")) == SAID


def test_a_gateway_of_another_version_is_not_guessed_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Unusable, match=r"gave no answer: there are no metrics `wicketgate_x`"):
        printed(tmp_path, capsys, answer={"families": {"wicketgate_x": []}})


def test_without_a_gateway_there_are_no_metrics(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no gateway is at work in"):
        main(["--state", str(tmp_path)])
