from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.cli.outcome import Unusable
from gateway.cli.status import main
from tests.unit.cli.test_ordering import saying

if TYPE_CHECKING:
    from pathlib import Path


TROUBLE = {"healthy": False, "trouble": "no space", "last": 1, "waiting": 9}


def standing(**other: Any) -> dict[str, Any]:
    policy = {"name": "office", "digest": "sha256:0123456789abcdef", "loaded": "2026", "kept_because": []}
    return {
        "version": "1.2.3",
        "ready": True,
        "draining": False,
        "uptime": 93784.5,
        "started": "2026-11-23T10:00:00Z",
        "pid": 4711,
        "connections": 3,
        "audit": {"healthy": True, "trouble": None, "last": 17, "waiting": 0},
        "listeners": [{"name": "egress", "mode": "forward", "bind": "127.0.0.1:8080", "policy": policy}],
        "reloads": {"watched": True, "parts": []},
        **other,
    }


def told(state: Path, found: dict[str, Any], *more: str) -> int:
    thread = saying(state, json.dumps({"done": found}).encode() + b"\n")
    code = main(["--state", str(state), *more])
    thread.join()
    return code


def test_a_gateway_that_is_well_is_told_on_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(tmp_path, standing()) == 0

    assert capsys.readouterr().out == (
        "wicketgate 1.2.3 is ready\n"
        "  up for       1 d 2 h (since 2026-11-23T10:00:00Z, process 4711)\n"
        "  connections  3\n"
        "  audit log    healthy, last record 17, 0 not on the disk yet\n"
        "  forward      egress on 127.0.0.1:8080\n"
        "    policy     office (sha256:0123456789ab), loaded 2026\n"
    )


@pytest.mark.parametrize(
    ("said", "other"),
    [
        ("is draining", {"ready": False, "draining": True}),
        (
            "IN TROUBLE: no space",
            {"ready": False, "audit": TROUBLE},
        ),
        ("not ready", {"ready": False}),
    ],
)
def test_one_that_is_not_well_is_a_finding(
    said: str, other: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(tmp_path, standing(**other)) == 1
    assert said in capsys.readouterr().out


def test_a_policy_that_was_refused_is_a_finding_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    part = {"what": "policy", "listener": "egress", "name": "office", "state": "kept", "kept_since": "2026"}
    kept = {**part, "problems": ["p.yaml:1:1  broken"]}
    found = standing(uptime=5.0, reloads={"watched": True, "parts": [kept]})

    assert told(tmp_path, found) == 1
    out = capsys.readouterr().out
    assert "KEPT         policy egress office, from before 2026: p.yaml:1:1  broken" in out
    assert "up for       5 s" in out


def test_programs_get_all_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(tmp_path, standing(), "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == standing()


def test_without_a_gateway_there_is_nothing_to_tell(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no gateway is at work in"):
        main(["--state", str(tmp_path)])
