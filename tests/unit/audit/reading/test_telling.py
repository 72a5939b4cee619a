from __future__ import annotations

import pytest

from gateway.audit.reading.telling import rule_of, told
from tests.unit.audit.reading.made import decision, end
from tests.unit.audit.samples import SAMPLES


def test_a_decision_is_told_in_sentences() -> None:
    assert told(SAMPLES["denied"]) == [
        "decided by rule `no-ads` at corporate.yaml:21",
        "on list `ads` as `ads.example`, 2d old",
        "`no-upload` matched and was lifted by exception `ex-041`",
        "on trial: `new-geo` would have said deny",
        "not known when it was decided: destination.country",
        "client 10.1.2.3, user alice, in eng",
        "TLS inspected, server name ads.example",
        "destination 93.184.216.34, judged: 93.184.216.34, 2001:4860::1",
        "limit `per-client`: 599 of 600 left",
        "limit `open`: 4 of 5 left",
        "policy corporate, sha256:00, on listener egress",
        "masked: /request/query/token, /request/query/page, /limits/1/key/header.x-key",
    ]


def test_what_no_rule_decided_says_why() -> None:
    sentences = told(SAMPLES["malformed"])

    assert sentences[0] == "reason `malformed-request`, no rule decided it"
    assert sentences[1].startswith("because: bad `")


@pytest.mark.parametrize(
    ("wanted", "reason", "rule", "place"),
    [
        ("guardrail `builtin-special`, which is built in", "guardrail", "builtin-special", None),
        ("limit `per-client` at api.yaml:3", "rate-exceeded", "per-client", "api.yaml:3"),
        ("limit `open` at api.yaml:4", "concurrency-exceeded", "open", "api.yaml:4"),
        ("rule `no-ads` at a.yaml:1", "rule-deny", "no-ads", "a.yaml:1"),
    ],
)
def test_who_decided_is_named_with_the_place(wanted: str, reason: str, rule: str, place: str | None) -> None:
    record = decision(1, reason=reason, rule=rule)
    record["decision"]["place"] = place

    assert rule_of(record) == wanted


def test_other_records_have_nothing_to_tell_and_nothing_moves_the_cursor() -> None:
    assert told(end(1, 1)) == []
    assert [each for each in told(decision(1, user="\x1b[2J\n", rule="\x1b")) if not each.isprintable()] == []
