from __future__ import annotations

import pytest

from gateway.audit.kinds import KINDS, kind_of


@pytest.mark.parametrize(
    ("kind", "record"),
    [
        ("allow", {"event": "decision", "decision": {"verdict": "allow"}}),
        ("deny", {"event": "decision", "decision": {"verdict": "deny"}}),
        ("end", {"event": "end", "decision": {"verdict": "deny"}}),
        ("connection", {"event": "connection"}),
        ("other", {"event": "gap"}),
        ("other", {"event": "retention"}),
        ("other", {}),
    ],
)
def test_every_record_is_of_one_kind(kind: str, record: dict[str, object]) -> None:
    assert kind_of(record) == kind
    assert kind in KINDS
