from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from gateway.audit.writing.errors import AuditUnavailable
from gateway.control.store import Kept, Reloaded
from gateway.policy.addresses import Address
from gateway.policy.model import ABSENT, Decision, Facts, Pending, Reason, Verdict
from gateway.policy.names import Host
from gateway.policy.paths import FORWARD_RULES, Target
from gateway.policy.problems import Invalid

if TYPE_CHECKING:
    from gateway.policy.gate import Gate
    from tests.unit.control.conftest import Place

OPEN = "default: {action: allow}\n"
CLOSED = "default: {action: deny}\n"
NO_ADS = OPEN + "rules:\n  - {id: no-ads, action: deny, reason: Ads, when: {host: {is: [ads.example]}}}\n"
LIMITED = OPEN + "limits:\n  - {id: slow, key: [client.ip], rate: 1/min}\n"
LISTED = (
    OPEN + "lists:\n  ads: {type: domain, format: plain, match: is, file: ads.txt}\n"
    'rules:\n  - {id: no-ads, action: deny, reason: Ads, when: {host: {in: ["@ads"]}}}\n'
)
WRONG = "default: {action: perhaps}\nruls: []\n"
CASES = (
    "policy: office.yaml\ngiven: {client.ip: 10.1.2.3, destination.ip: 93.184.216.34}\n"
    "cases:\n  - {name: an ad, url: 'http://ads.example/', expect: deny, rule: no-ads}\n"
)


def facts(host: str, now: float) -> Facts:
    return Facts(
        now=now,
        client_ip=Address.parse("10.1.2.3"),
        destination_ips=(Address.parse("93.184.216.34"),),
        host=Host.parse(host),
        port=80,
        scheme="http",
        method="GET",
        target=Target.parse("/", FORWARD_RULES),
        request_size=0,
        user=ABSENT,
        groups=ABSENT,
        identity_method=ABSENT,
        tls_sni=ABSENT,
        tls_version=ABSENT,
        tls_inspected=ABSENT,
        protocol="http/1.1",
        connect=False,
    )


def verdict(gate: Gate, place: Place, host: str = "ads.example") -> tuple[Verdict, Reason]:
    decision = gate.upstream(facts(host, place.now))
    assert isinstance(decision, Decision)
    return decision.verdict, decision.reason


ALLOWED = (Verdict.ALLOW, Reason.ALLOWED_BY_DEFAULT)
DENIED = (Verdict.DENY, Reason.RULE_DENY)
THROTTLED = (Verdict.DENY, Reason.RATE_EXCEEDED)


def test_a_start_puts_the_policy_in_force_and_records_it(place: Place) -> None:
    place.write(NO_ADS)
    store = place.store()

    started = store.start()

    assert (verdict(store.current, place), verdict(store.current, place, "other.example")) == (DENIED, ALLOWED)
    assert place.events() == [("policy", "loaded")]
    assert place.recorded[0]["policy"] == {"name": "office", "digest": started.digest}


def test_a_start_with_a_bad_policy_fails_with_every_problem_and_records_it(place: Place) -> None:
    place.write(WRONG)

    with pytest.raises(Invalid) as caught:
        place.store().start()

    assert len(caught.value.problems) == 2
    assert place.events() == [("policy", "refused")]
    assert place.recorded[0]["problems"] == [str(problem) for problem in caught.value.problems]
    assert place.recorded[0]["policy"] == {"name": None, "digest": None}


def test_a_policy_that_is_not_there_is_a_problem_in_plain_words(place: Place) -> None:
    with pytest.raises(Invalid) as caught:
        place.store().start()

    assert str(caught.value) == f"{place.policy}:1:1  the file cannot be read: no such file or directory"


def test_a_store_that_was_not_started_gives_no_gate(place: Place) -> None:
    with pytest.raises(RuntimeError, match="not started"):
        _ = place.store().current


def test_a_snapshot_taken_before_a_reload_decides_by_the_old_policy(place: Place) -> None:
    place.write(OPEN)
    store = place.store()
    store.start()
    snapshot = store.current

    place.write(NO_ADS)
    outcome = store.reload("signal")

    assert isinstance(outcome, Reloaded)
    assert (verdict(snapshot, place), verdict(store.current, place)) == (ALLOWED, DENIED)
    assert outcome.digest == store.current.policy.digest != snapshot.policy.digest


@pytest.mark.parametrize(
    "beside",
    [{"policy": WRONG}, {"policy": "\t{"}, {"policy": LISTED}, {"policy": OPEN, "cases": CASES}],
    ids=["wrong words", "no yaml", "a list that is not there", "a case that fails"],
)
def test_a_reload_with_any_problem_changes_nothing_and_says_so(beside: dict[str, str], place: Place) -> None:
    place.write(NO_ADS)
    store = place.store()
    store.start()
    before = store.current

    place.write(**beside)
    outcome = store.reload("signal")

    assert isinstance(outcome, Kept)
    assert outcome.problems
    assert store.current is before
    assert [told for told in place.events() if told[0] == "policy"] == [("policy", "loaded"), ("policy", "refused")]
    assert place.recorded[-1]["policy"] == {"name": "office", "digest": before.policy.digest}


def test_a_list_that_is_not_there_is_on_record_beside_the_policy_that_it_takes_with_it(place: Place) -> None:
    place.write(LISTED)

    with pytest.raises(Invalid):
        place.store().start()

    assert place.events() == [("list", "refused"), ("policy", "refused")]
    told = place.recorded[0]
    assert told["list"] == {"name": "ads", "entries": None, "digest": None}
    assert "lists.ads" in str(told["problems"])


def test_a_list_that_is_too_old_or_stands_in_for_a_bad_one_is_on_record_as_such(place: Place) -> None:
    place.write(LISTED.replace("file:", "max_age: 1d, file:"))
    file = place.folder / "ads.txt"
    file.write_text("ads.example\n", encoding="utf-8")
    os.utime(file, (place.now, place.now))
    store = place.store()
    store.start()
    os.utime(file, (1, 1))
    store.reload("signal")
    file.unlink()
    store.reload("signal")

    told = [each for each in place.recorded if each["event"] == "list"]
    assert [each["outcome"] for each in told] == ["loaded", "stale", "kept"]
    assert ["max_age" in str(each["problems"]) for each in told[:2]] == [False, True]
    assert "the last good copy" in str(told[2]["problems"])


def test_a_list_that_becomes_too_old_while_it_is_in_force_is_recorded_then_and_once(place: Place) -> None:
    place.write(LISTED.replace("file:", "max_age: 1d, file:"))
    file = place.folder / "ads.txt"
    file.write_text("ads.example\n", encoding="utf-8")
    os.utime(file, (place.now, place.now))
    store = place.store()
    store.start()
    assert store.look_at_ages() == ()

    place.now += 2 * 86_400
    place.log_is_full = True
    with pytest.raises(AuditUnavailable):
        store.look_at_ages()
    place.log_is_full = False
    said = store.look_at_ages()
    assert store.look_at_ages() == ()

    assert len(said) == 1
    assert said[0].endswith("lists.ads: stale: `ads.txt` is 2 d old, `max_age` is 1 d; it stays in force")
    told = [each for each in place.recorded if each["event"] == "list"]
    assert [each["outcome"] for each in told] == ["loaded", "stale"]
    assert told[1]["cause"] == "age"
    assert verdict(store.current, place) == (Verdict.DENY, Reason.RULE_DENY)
    os.utime(file, (place.now, place.now))
    store.reload("signal")
    assert store.look_at_ages() == ()
    place.now += 2 * 86_400
    assert len(store.look_at_ages()) == 1


def test_a_store_that_was_not_started_has_no_lists_that_grow_old(place: Place) -> None:
    assert place.store().look_at_ages() == ()


def test_a_policy_that_has_gone_keeps_the_old_one_in_force(place: Place) -> None:
    place.write(NO_ADS)
    store = place.store()
    store.start()

    place.policy.unlink()

    assert isinstance(store.reload("signal"), Kept)
    assert verdict(store.current, place) == DENIED


def test_a_failing_case_is_told_with_its_place_and_what_was_wanted(place: Place) -> None:
    place.write(OPEN, cases=CASES)

    with pytest.raises(Invalid) as caught:
        place.store().start()

    wanted = "case `an ad` wants deny by `no-ads`, the policy says allow (allowed-by-default)"
    assert str(caught.value) == f"{place.folder}/office.cases.yaml:4:5  cases: {wanted}"


def test_cases_that_hold_let_the_policy_in(place: Place) -> None:
    place.write(NO_ADS, cases=CASES)

    store = place.store()

    assert store.start().notices == ()
    assert verdict(store.current, place) == DENIED


def test_cases_that_cover_too_little_are_a_notice(place: Place) -> None:
    more = "  - {id: no-more, action: deny, reason: x, when: {host: {is: [more.example]}}}\n"
    place.write(NO_ADS + more, cases=CASES + "require: {rule_coverage: 100%}\n")

    notices = place.store().start().notices

    assert notices == (f"{place.folder}/office.cases.yaml: the cases cover fewer rules than they ask for",)


def test_a_limit_that_stayed_the_same_goes_on_counting(place: Place) -> None:
    place.write(LIMITED)
    store = place.store()
    store.start()
    assert verdict(store.current, place) == ALLOWED

    place.write(LIMITED + "show_rules: false\n")
    store.reload("signal")

    assert verdict(store.current, place) == THROTTLED


def test_lists_are_loaded_recorded_and_read_again(place: Place) -> None:
    place.write(LISTED, ads="other.example\n")
    store = place.store()
    store.start()
    assert verdict(store.current, place) == ALLOWED

    place.write(LISTED, ads="ads.example\nother.example\n")
    store.reload("signal")

    assert verdict(store.current, place) == DENIED
    assert place.events() == [("list", "loaded"), ("policy", "loaded")] * 2
    lists = [record["list"] for record in place.recorded if "list" in record]
    assert [each["entries"] for each in lists if isinstance(each, dict)] == [1, 2]


def test_a_list_that_has_gone_leaves_its_last_good_copy_in_force_with_a_notice(place: Place) -> None:
    place.write(LISTED, ads="ads.example\n")
    store = place.store()
    store.start()

    (place.folder / "ads.txt").unlink()
    outcome = store.reload("signal")

    assert isinstance(outcome, Reloaded)
    assert "last good copy" in outcome.notices[0]
    assert verdict(store.current, place) == DENIED


def test_the_last_good_copy_is_used_at_a_start_only_if_the_operator_asks(place: Place) -> None:
    place.write(NO_ADS)
    place.store().start()
    place.write(WRONG)

    with pytest.raises(Invalid):
        place.store().start()
    store = place.store()
    store.start(last_good=True)

    assert verdict(store.current, place) == DENIED
    assert place.events() == [("policy", outcome) for outcome in ("loaded", "refused", "refused", "loaded")]


def test_without_a_last_good_copy_a_bad_policy_ends_every_start(place: Place) -> None:
    place.write(WRONG)

    with pytest.raises(Invalid):
        place.store().start(last_good=True)


def test_a_copy_that_cannot_be_kept_is_a_notice_and_no_refusal(place: Place) -> None:
    place.write(NO_ADS)
    place.state.mkdir()
    (place.state / "policy").write_text("in the way")
    store = place.store()

    notices = store.start().notices

    assert notices == (f"no copy of the policy was kept in `{place.state}/policy/egress/policy.yaml`: file exists",)
    assert verdict(store.current, place) == DENIED


def test_what_cannot_be_recorded_does_not_take_over(place: Place) -> None:
    place.write(OPEN)
    store = place.store()
    store.start()
    before = store.current
    place.write(NO_ADS)

    place.log_is_full = True

    with pytest.raises(AuditUnavailable, match="the audit queue is full"):
        store.reload("signal")
    assert store.current is before


def test_a_reload_aside_takes_over_as_well_and_one_at_a_time(place: Place) -> None:
    place.write(OPEN)
    store = place.store()
    store.start()
    place.write(NO_ADS)

    async def twice() -> tuple[Reloaded | Kept, Reloaded | Kept]:
        return await asyncio.gather(store.reload_aside("signal"), store.reload_aside("signal"))

    outcomes = asyncio.run(twice())

    assert [type(outcome) for outcome in outcomes] == [Reloaded, Reloaded]
    assert verdict(store.current, place) == DENIED
    place.write(WRONG)
    assert isinstance(asyncio.run(store.reload_aside("signal")), Kept)
    assert verdict(store.current, place) == DENIED


def test_an_early_phase_uses_the_same_policy(place: Place) -> None:
    place.write(NO_ADS)
    store = place.store()
    store.start()

    assert isinstance(store.current.connection(Facts(now=place.now)), Pending)
