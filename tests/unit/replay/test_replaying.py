from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.policy.model import ABSENT, Decision, Mode, Reason, Verdict, refuse
from gateway.policy.names import Host
from gateway.replay.grouping import Change
from gateway.replay.replaying import Replay, whole_of
from tests.unit.replay.made import changes, compiled, exchange, judged, plain, replayed, traffic

OPEN = "default: {action: allow}\n"
NO_SITE = OPEN + "rules: [{id: no, action: deny, reason: No, when: {host: {is: [site.example]}}}]\n"
NO_404 = OPEN + "rules: [{id: no, action: deny, reason: No, when: {response.status: [404], protocol: [http/1.1]}}]\n"
CUT = Decision(verdict=Verdict.DENY, reason=Reason.RULE_DENY, rule="no")


def test_what_would_change_is_told_by_rule_host_and_client() -> None:
    result = replayed(NO_SITE, traffic(compiled(OPEN)[0], plain(), plain(), plain(host=Host.parse("b.example"))))

    assert changes(result) == {("now denied", "allow (allowed-by-default)", "deny by no"): 2}
    (group,) = result.groups.sorted()
    assert (list(group.hosts), list(group.clients)) == (["site.example"], ["10.1.2.3"])
    assert (result.requests, result.groups.same, dict(result.listeners)) == (3, 1, {"egress": 3})


def test_a_request_that_no_policy_decided_is_left_out_and_counted() -> None:
    result = replayed(OPEN, exchange(plain(), refuse(Reason.UPSTREAM_UNRESOLVED)))

    assert (result.requests, dict(result.left_out)) == (0, {"upstream-unresolved": 1})


def test_what_was_decided_under_this_very_policy_is_not_asked_again() -> None:
    text = OPEN + "rules: [{id: no, action: deny, reason: No, when: {header.x-a: {present: true}, port: [80]}}]\n"
    records = traffic(compiled(text)[0], plain())

    assert replayed(text, records, trusting=True).under_it == 1
    assert replayed(text, records, trusting=True).groups.sorted() == []
    assert replayed(text, records).groups.count(Change.CANNOT_TELL) == 1


def test_a_denial_of_the_answer_counts_as_what_was_decided() -> None:
    records = exchange(*judged(compiled(NO_404)[0], plain()), status=403, later=CUT)

    assert changes(replayed(OPEN, records)) == {("now allowed", "deny by no", "allow (allowed-by-default)"): 1}
    assert changes(replayed(NO_404, records)) == {("cannot tell", "deny by no", "cannot tell"): 1}


def test_an_answer_is_judged_when_its_end_is_on_record() -> None:
    policy, _ = compiled(OPEN)
    known, decision = judged(policy, plain())

    denied = replayed(NO_404, exchange(known, decision, status=404))
    assert changes(denied) == {("now denied", "allow (allowed-by-default)", "deny by no"): 1}
    assert changes(replayed(NO_404, exchange(known, decision, status=200))) == {}
    assert changes(replayed(NO_404, exchange(known, decision, status=502, reason=Reason.UPSTREAM_REFUSED))) == {}
    broken = replayed(NO_404, exchange(known, decision, status=404, reason=Reason.CLIENT_TIMEOUT))
    assert broken.groups.count(Change.CANNOT_TELL) == 1
    unfinished = replayed(NO_404, exchange(known, decision)[:1])
    assert (unfinished.unfinished, unfinished.groups.count(Change.CANNOT_TELL)) == (1, 1)


def test_places_under_a_limit_are_given_back_when_an_exchange_ends() -> None:
    text = OPEN + "limits: [{id: one, key: [client.ip], concurrent: 1}]\n"
    policy, _ = compiled(OPEN)
    first, second = (exchange(*judged(policy, plain())) for _ in range(2))

    assert changes(replayed(text, [*first, *second])) == {}
    assert changes(replayed(text, [first[0], second[0], first[1], second[1]])) == {
        ("now denied", "allow (allowed-by-default)", "deny by one"): 1
    }


def test_rates_are_counted_at_the_times_on_record() -> None:
    text = OPEN + "limits: [{id: one, key: [client.ip], rate: 1/min, burst: 1}]\n"
    policy, _ = compiled(OPEN)
    slow = traffic(policy, *(plain(now=1000.0 + 60 * each) for each in range(3)))
    quick = traffic(policy, *(plain(now=1000.0 + each) for each in range(3)))

    assert replayed(text, slow).groups.count(Change.NOW_DENIED) == 0
    assert replayed(text, quick).groups.count(Change.NOW_DENIED) == 2


def test_where_a_destination_lies_is_looked_up_with_the_databases_of_the_policy() -> None:
    class Located(Exception):  # noqa: N818 - says that it was asked
        pass

    def locate(databases: object, addresses: object) -> tuple[str, int]:
        raise Located(databases, addresses)

    policy, asked = compiled(OPEN)
    walk = Replay(replace(policy, databases=(("geo.mmdb", "sha256:0"),)), asked, locate, trusting=False)

    with pytest.raises(Located, match=r"geo.mmdb"):
        walk.take(traffic(policy, plain()))
    walk.take(traffic(policy, plain(destination_ips=ABSENT)))
    assert walk.result().requests == 2


def test_how_an_exchange_ended_says_whether_there_was_an_answer_to_judge() -> None:
    end = {"bytes": {"up": 1, "down": 2}, "status": 200, "reason": None}

    whole = whole_of(end)
    assert whole is not None
    assert (whole.up, whole.down, whole.status, whole.answered) == (1, 2, 200, True)
    failed = whole_of(end | {"reason": "upstream-timeout"})
    assert failed is not None
    assert not failed.answered
    assert whole_of(end | {"reason": "client-timeout"}) is None


def test_the_mode_of_the_policy_decides_what_stands_in_every_policy() -> None:
    records = traffic(compiled(OPEN, Mode.REVERSE)[0], plain(host=Host.parse("localhost")))

    assert changes(replayed(OPEN, records, Mode.REVERSE)) == {}
