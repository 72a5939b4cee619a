from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.audit.export.forms import Former, Message
from gateway.audit.export.rules import Choice
from gateway.audit.mappings.parts import Producer
from tests.unit.audit.export.logged import LOG, line, nobody

if TYPE_CHECKING:
    from gateway.audit.export.rules import Form

DENIED = line(
    7,
    "decision",
    id="01DECISION",
    listener="egress",
    request={
        "method": "GET",
        "scheme": "https",
        "host": "ads.example",
        "port": 443,
        "path": "/x",
        "protocol": "h2",
        "size": None,
    },
    decision={"verdict": "deny", "reason": "rule-deny", "rule": "no-ads", "place": None, "matched": [], "status": 403},
)[:-1]
START = line(8, "start")[:-1]
LINES = [(7, DENIED), (8, START)]


def formed(form: Form, choice: Choice | None = None) -> list[Message]:
    """What becomes of the two lines."""
    return Former(form, choice or Choice(), Producer("1.2.3", LOG)).messages(LINES, nobody)


def test_a_record_in_its_own_words_is_its_line_with_the_log_in_front() -> None:
    first, second = formed("record")

    assert (first.seq, first.record, second.seq) == (7, json.loads(DENIED), 8)
    assert first.text.replace(f'"log":"{LOG}",', "", 1).encode() == DENIED


@pytest.mark.parametrize(
    ("numbered", "form"),
    [
        (f'"log":"{LOG}","v":1,"seq":7,', "record"),
        (f'"uid":"{LOG}:7","sequence":7', "ocsf"),
        (f'"id":"{LOG}:7"', "ecs"),
        (f"externalId={LOG}:7 ", "cef"),
        (f'{{"key":"log.record.uid","value":{{"stringValue":"{LOG}:7"}}}}', "otel"),
    ],
)
def test_every_form_says_log_and_number_on_one_line(numbered: str, form: Form) -> None:
    text = formed(form)[0].text

    assert numbered in text
    assert "\n" not in text
    assert "ads.example" in text


def test_what_is_not_chosen_or_has_no_place_in_a_form_is_passed_over() -> None:
    assert [each.seq for each in formed("record", Choice(verdict="deny"))] == [7]
    assert [each.seq for each in formed("record", Choice(frozenset({"start"})))] == [8]
    assert [each.seq for each in formed("ocsf")] == [7]


def test_what_a_form_should_have_words_for_and_has_not_is_said() -> None:
    """A line that was damaged; one of a version that knew less is none."""
    unsaid: list[int] = []
    former = Former("ocsf", Choice(), Producer("1.2.3", LOG))

    messages = former.messages(
        [(1, b'{"v":1,"seq":1,'), (2, line(2, "decision", request={})[:-1]), (7, DENIED)], unsaid.append
    )

    assert ([each.seq for each in messages], unsaid) == ([2, 7], [1])
