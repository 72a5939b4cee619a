from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.cli.outcome import Unusable
from gateway.cli.reload import main
from tests.unit.cli.test_ordering import saying

if TYPE_CHECKING:
    from pathlib import Path


def part(state: str, **other: Any) -> dict[str, Any]:
    said = {"what": "policy", "state": state, "listener": "egress", "name": None}
    return {**said, "problems": [], "notices": [], **other}


@pytest.mark.parametrize(
    ("code", "said", "came"),
    [
        (
            0,
            "policy egress: loaded\n  a list is old\neverything is in force as the files say now\n",
            {"kept": 0, "parts": [part("loaded", notices=["a list is old"])]},
        ),
        (
            1,
            "policy egress: REFUSED, what was in force stays\n  p.yaml:1:1  broken\n1 of it was refused\n",
            {"kept": 1, "parts": [part("kept", problems=["p.yaml:1:1  broken"])]},
        ),
    ],
)
def test_what_came_of_each_part_is_said_and_a_refusal_is_a_finding(
    code: int, said: str, came: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    thread = saying(tmp_path, json.dumps({"done": came}).encode() + b"\n")

    assert main(["--state", str(tmp_path)]) == code
    thread.join()
    assert capsys.readouterr().out == said


def test_without_a_gateway_nothing_is_read(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no gateway is at work in"):
        main(["--state", str(tmp_path)])
