from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.cli.outcome import Unusable
from gateway.cli.status import main
from tests.unit.cli.test_ordering import saying

if TYPE_CHECKING:
    from pathlib import Path


LISTED = {"listener": "egress", "name": "ads", "problems": ["it shrank", "stale: it is 8 d old"]}
KEPT_LIST = {"what": "list", "state": "kept", "listener": "egress", "name": "ads", "problems": ["it shrank"]}
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
        "lists": [],
        "reloads": {"watched": True, "parts": [], "counts": []},
        "audit": {"healthy": True, "trouble": None, "last": 17, "waiting": 0},
        "listeners": [{"name": "egress", "mode": "forward", "bind": "127.0.0.1:8080", "policy": policy}],
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


@pytest.mark.parametrize(("is_ready", "code"), [(True, 0), (False, 1)])
def test_for_health_checks_it_only_counts_whether_it_is_ready(
    is_ready: bool,  # noqa: FBT001 - a row of a table
    code: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    parts = {"watched": True, "parts": [{**KEPT_LIST, "kept_since": "2026"}], "counts": []}

    assert told(tmp_path, standing(ready=is_ready, lists=[LISTED], reloads=parts), "--ready") == code
    assert "KEPT " in capsys.readouterr().out


def test_a_policy_that_was_refused_is_a_finding_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = {"what": "policy", "state": "kept", "listener": "egress", "name": None}
    kept = policy | {"kept_since": "2026-11-23T11:00:00Z", "problems": ["p.yaml:1:1  broken"]}

    assert told(tmp_path, standing(uptime=5.0, reloads={"watched": True, "parts": [kept], "counts": []})) == 1
    out = capsys.readouterr().out
    assert "KEPT         policy egress, from before 2026-11-23T11:00:00Z: p.yaml:1:1  broken" in out
    assert "up for       5 s" in out


@pytest.mark.parametrize(
    ("parts", "page"),
    [
        ([], "  LIST         egress @ads: it shrank\n  LIST         egress @ads: stale: it is 8 d old\n"),
        (
            [{**KEPT_LIST, "kept_since": "2026"}],
            "  LIST         egress @ads: stale: it is 8 d old\n",
        ),
    ],
    ids=["in force", "kept"],
)
def test_what_is_amiss_with_a_list_is_a_finding_and_told_once(
    parts: list[dict[str, Any]], page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reloads = {"watched": True, "parts": parts, "counts": []}

    assert told(tmp_path, standing(lists=[LISTED], reloads=reloads)) == 1
    assert capsys.readouterr().out.endswith(page)


@pytest.mark.parametrize(
    ("said", "state", "why"),
    [("is up, 9 asked, 1 failed", "up", ""), ("IS AWAY: it cannot be reached", "away", "it cannot be reached")],
)
def test_a_store_of_limits_says_how_it_stands(
    said: str, state: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = {"store": "redis://127.0.0.1:6379/0", "state": state, "why": why, "asked": 9, "failed": 1}

    assert told(tmp_path, standing(limits_store=store)) == 0
    assert f"  limits at    redis://127.0.0.1:6379/0 {said}" in capsys.readouterr().out


def test_a_gateway_that_was_started_before_an_update_is_understood(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = standing()
    del before["lists"]

    assert told(tmp_path, before) == 0
    assert "is ready" in capsys.readouterr().out


def test_programs_get_all_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(tmp_path, standing(), "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == standing()


def test_without_a_gateway_there_is_nothing_to_tell(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no gateway is at work in"):
        main(["--state", str(tmp_path)])
