from __future__ import annotations

from typing import Any

import pytest

from gateway.audit.reading.filters import Filter
from gateway.policy.addresses import Network
from tests.unit.audit.reading.made import at, decision, end, line, name

RECORD = decision(
    5, host="x.ads.example", path="/a/b", user='al"ice', rule="no-ads", reason="rule-deny", top={"trace": "4b" * 16}
)


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        (True, {}),
        (True, {"since": at(5)}),
        (False, {"since": at(6)}),
        (False, {"until": at(5)}),
        (True, {"until": at(6)}),
        (True, {"host": "ads.example"}),
        (True, {"host": "x.ads.example"}),
        (False, {"host": "s.example"}),
        (True, {"path": "/a"}),
        (True, {"path": "/a/"}),
        (True, {"path": "/a/b"}),
        (False, {"path": "/a/b/c"}),
        (False, {"path": "/b"}),
        (True, {"path": "/"}),
        (True, {"client": Network.parse("10.1.2.3")}),
        (True, {"client": Network.parse("10.1.0.0/16")}),
        (False, {"client": Network.parse("10.1.2.4")}),
        (False, {"client": "client-2026-11-aa"}),
        (True, {"user": 'al"ice'}),
        (False, {"user": "al"}),
        (True, {"rule": "no-ads", "verdict": "deny", "reason": "rule-deny", "event": "decision"}),
        (False, {"rule": "no-ads", "verdict": "allow"}),
        (True, {"listener": "egress", "method": "GET", "status": 403}),
        (False, {"status": 40}),
        (True, {"id": name(5)}),
        (False, {"id": name(6)}),
        (True, {"trace": "4b" * 16}),
        (False, {"trace": "4c" * 16}),
    ],
)
def test_a_record_meets_every_condition_or_does_not_match(wanted: bool, asked: dict[str, Any]) -> None:  # noqa: FBT001 - the wanted value of a table's row
    looked_for = Filter(**asked)

    assert looked_for.matches(RECORD) is wanted
    if wanted:
        assert [each for each in looked_for.needles() if each not in line(RECORD)] == []


def test_the_end_of_an_exchange_has_a_status_and_a_reason_of_its_own() -> None:
    record = end(9, 5, status=502, reason="upstream-broken")

    assert Filter(status=502, reason="upstream-broken", event="end").matches(record)
    assert not Filter(status=200).matches(record)
    assert not Filter(host="ads.example").matches(record)


@pytest.mark.parametrize(
    ("wanted", "known", "asked"),
    [
        (True, "10.1.2.0/24", "10.1.0.0/16"),
        (True, "10.1.2.0/24", "10.1.2.0/24"),
        (False, "10.1.2.0/24", "10.1.2.3"),
        (False, "10.1.2.0/24", "10.2.0.0/16"),
        (True, "2001:db8::/48", "2001:db8::/32"),
        (False, "client-2026-11-aa", "10.0.0.0/8"),
        (False, None, "10.0.0.0/8"),
    ],
)
def test_a_client_of_whom_only_the_network_is_known_is_found_in_a_wider_one(
    wanted: bool,  # noqa: FBT001 - the wanted value of a table's row
    known: str | None,
    asked: str,
) -> None:
    assert Filter(client=Network.parse(asked)).matches(decision(1, client=known)) is wanted


def test_what_a_client_wrote_is_no_decision() -> None:
    record = decision(1, "allow", query={"decision": 'x","decision":{"verdict":"deny"', "verdict": "deny"})

    (needle,) = Filter(verdict="deny").needles()
    assert needle not in line(record)
    assert needle in line(decision(1, "deny"))


def test_only_words_ask_for_the_whole_record() -> None:
    assert not Filter(since=at(1), until=at(2), verdict="deny", event="decision").asks_for_words
    assert Filter(host="a.example").asks_for_words
