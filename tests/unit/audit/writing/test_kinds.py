from __future__ import annotations

import pytest

from gateway.audit.writing.encoding import body
from gateway.audit.writing.kinds import KINDS, kind_in, kind_of
from tests.unit.audit.samples import SAMPLES


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


@pytest.mark.parametrize("name", SAMPLES)
def test_the_kind_of_a_text_is_that_of_its_record(name: str) -> None:
    kind = kind_of(SAMPLES[name])

    assert kind_in(body(SAMPLES[name])) == ("other" if kind == "proof" else kind)


def test_what_a_client_wrote_is_not_taken_for_a_kind() -> None:
    problem = '"event":"decision","verdict":"deny"'

    assert kind_in(body({"time": "", "event": "list", "problems": [problem]})) == "other"
