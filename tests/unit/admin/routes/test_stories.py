from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.unit.admin.engines import answering, client
from tests.unit.admin.logs import decision, write

if TYPE_CHECKING:
    from pathlib import Path

POLICIES: dict[str, Any] = {
    "policies": [
        {
            "listener": "egress",
            "rules": [
                {"id": "no-x", "kind": "deny", "stage": "enforce"},
                {"id": "no-y", "kind": "deny", "stage": "enforce"},
                {"id": "tried", "kind": "deny", "stage": "shadow"},
                {"id": "wall", "kind": "guardrail", "stage": "enforce"},
            ],
        },
        {"listener": "other", "rules": [{"id": "no-z", "kind": "deny", "stage": "enforce"}]},
    ]
}


def line(seq: int, **more: Any) -> bytes:
    """The line of a decision that says more."""
    record = json.loads(decision(seq))
    record["decision"] |= more
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def end(seq: int, of: int, **more: Any) -> bytes:
    """The end of an exchange."""
    record = {"v": 1, "seq": seq, "time": "2026-11-23T10:00:01.000000Z", "event": "end", "id": f"01{of:024}", **more}
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def told(folder: Path, seq: int, engine: dict[str, Any]) -> dict[str, Any]:
    with answering(folder, engine), client(folder) as opened:
        found: dict[str, Any] = opened.get(f"/api/v1/decisions/01{seq:024}/story").json()
    return found


def test_a_story_has_every_record_why_and_the_exception_that_lifts_every_rule_that_matched(tmp_path: Path) -> None:
    matched = ["no-x", "no-y", "no-z", "tried", "wall"]
    write(tmp_path / "audit", [line(1, matched=matched, place="office.yaml:4"), end(2, 1, status=403), decision(3)])

    story = told(tmp_path, 1, {"policies": POLICIES})

    assert [each["event"] for each in story["records"]] == ["decision", "end"]
    assert (story["decision"]["seq"], story["refused"]) == (1, True)
    assert story["why"][0] == "decided by rule `no-x` at office.yaml:4"
    assert "    waives: [no-x, no-y]" in story["way_out"]["yaml"]


def test_without_an_engine_the_rule_that_decided_is_the_one_to_lift(tmp_path: Path) -> None:
    write(tmp_path / "audit", [line(1, matched=["no-x", "no-y"])])

    assert "    waives: [no-x]" in told(tmp_path, 1, {})["way_out"]["yaml"]


def test_what_was_let_through_needs_no_way_out_unless_it_was_refused_later(tmp_path: Path) -> None:
    allowed = {"verdict": "allow", "reason": "allowed-by-default", "rule": None}
    refused: dict[str, Any] = {"verdict": "deny", "reason": "upstream-refused", "rule": None, "matched": []}
    write(tmp_path / "audit", [line(1, **allowed), line(2, **allowed), end(3, 2, decision=refused)])

    fine, later = (told(tmp_path, seq, {"policies": POLICIES}) for seq in (1, 2))

    assert (fine["refused"], fine["way_out"]) == (False, None)
    assert (later["refused"], later["why"][-1]) == (True, "refused later: upstream-refused")
    assert later["way_out"]["words"].startswith("no rule refused it: the server could not be reached")


def test_a_connection_of_which_nothing_was_asked_has_records_and_no_decision(tmp_path: Path) -> None:
    connection = {"v": 1, "seq": 1, "time": "2026-11-23T10:00:00.000000Z", "event": "connection", "id": f"01{1:024}"}
    write(tmp_path / "audit", [json.dumps(connection, separators=(",", ":")).encode() + b"\n"])

    story = told(tmp_path, 1, {})

    assert (story["decision"], story["why"], len(story["records"])) == (None, [], 1)


def test_what_is_not_in_the_log_has_no_story(tmp_path: Path) -> None:
    with client(tmp_path) as opened:
        assert opened.get(f"/api/v1/decisions/01{1:024}/story").status_code == 404
        assert opened.get("/api/v1/decisions/..x/story").status_code == 422
        assert opened.get("/api/v1/decisions/01A/story", headers={"Authorization": ""}).status_code == 401
