from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.audit.reading import glance
from tests.unit.audit.reading.made import decision, line
from tests.unit.audit.samples import SAMPLES

if TYPE_CHECKING:
    from typing import Any


@pytest.mark.parametrize("kind", [kind for kind, record in SAMPLES.items() if record["event"] == "decision"])
def test_every_decision_of_the_gateway_is_read_at_a_glance(kind: str) -> None:
    record = {"v": 1, "seq": 7} | SAMPLES[kind]
    raw = line(record)
    head = glance.head(raw)
    assert head is not None
    decided = glance.decision(raw, head.end())
    assert decided is not None

    request, client = record["request"], record["client"]
    wanted = {
        "listener": record["listener"],
        "client": client["ip"],
        "user": client["user"],
        "method": request["method"],
    }
    wanted |= {"host": request["host"], "path": request["path"]}
    assert {key: glance.value_of(head[glance.GROUPS[key]]) for key in wanted} == wanted
    assert {key: glance.value_of(decided[at]) for key, at in glance.DECISION_GROUPS.items()} == {
        key: record["decision"][key] for key in glance.DECISION_GROUPS
    }


@pytest.mark.parametrize(
    "text", ['"', "\\", '\\"', '","host":"evil', '"},"request":{"host":"evil"', "\x00\n", "é", "null"]
)
def test_no_text_of_a_client_is_taken_for_anything_else(text: str) -> None:
    changed: dict[str, Any] = {"client": text, "user": text, "method": text, "host": text, "path": text}
    raw = line(decision(1, rule=text, query={text: [text, "x"]}, **changed))
    head = glance.head(raw)

    assert head is not None
    assert {key: glance.value_of(head[glance.GROUPS[key]]) for key in changed} == dict.fromkeys(changed, text)
    decided = glance.decision(raw, head.end())
    assert decided is not None
    assert glance.value_of(decided[3]) == text


@pytest.mark.parametrize("kind", [kind for kind, record in SAMPLES.items() if record["event"] != "decision"])
def test_no_other_record_is_a_decision(kind: str) -> None:
    assert glance.head(line({"v": 1, "seq": 7} | SAMPLES[kind])) is None
