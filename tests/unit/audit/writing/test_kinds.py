from __future__ import annotations

import pytest

from gateway.audit.writing.kinds import KINDS, kind_of


@pytest.mark.parametrize(
    ("kind", "record"),
    [
        ("allow", {"event": "decision", "decision": {"verdict": "allow"}}),
        ("deny", {"event": "decision", "decision": {"verdict": "deny"}}),
        ("end", {"event": "end", "decision": {"verdict": "deny"}}),
        ("connection", {"event": "connection"}),
        ("other", {"event": "gap"}),
        ("other", {"event": "heartbeat"}),
        ("other", {}),
    ],
)
def test_every_record_is_of_one_kind(kind: str, record: dict[str, object]) -> None:
    assert kind_of(record) == kind
    assert kind in KINDS


@pytest.mark.parametrize("event", ["retention", "key", "proof"])
def test_what_shows_what_became_of_others_is_of_no_kind_that_is_ever_removed(event: str) -> None:
    assert kind_of({"event": event}) not in KINDS
