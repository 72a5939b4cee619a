from __future__ import annotations

import pytest

from gateway.policy.model import ABSENT, UNKNOWN, Mode, Reason, Verdict
from gateway.policy.names import Host
from gateway.replay.recall import Recalled, recall
from gateway.replay.rejudging import Outcome, Rejudge, Whole
from tests.unit.replay.made import NOW, compiled, exchange, inspected, judged, plain, spliced

OPEN = "default: {action: allow}\n"


def _again(text: str, facts: object, before: str = OPEN, mode: Mode = Mode.FORWARD) -> Outcome:
    rejudge, request = _asked(text, facts, before, mode)
    return rejudge.by_rules(request)


def _asked(text: str, facts: object, before: str = OPEN, mode: Mode = Mode.FORWARD) -> tuple[Rejudge, Recalled]:
    record, _ = exchange(*judged(compiled(before, mode)[0], facts), mode=mode)  # type: ignore[arg-type]  # tests say it
    policy, asked = compiled(text, mode)
    return Rejudge(policy), recall(record, asked, NOW)


def _deny(when: str, default: str = "allow") -> str:
    return f"default: {{action: {default}}}\nrules: [{{id: no, action: deny, reason: No, when: {{{when}}}}}]\n"


def test_what_no_hidden_fact_touches_is_certain() -> None:
    denied = _again(_deny("host: {is: [site.example]}"), plain())

    assert (denied.verdict, denied.reason, denied.rule) == (Verdict.DENY, Reason.RULE_DENY, "no")
    assert _again(_deny("host: {is: [other.example]}"), plain()).verdict is Verdict.ALLOW


def test_what_depends_on_a_field_that_is_not_on_record_cannot_be_told() -> None:
    outcome = _again(_deny("header.user-agent: {is: [bot]}, protocol: [http/1.1]"), plain())

    assert (outcome.verdict, outcome.missing, outcome.open) == (None, ("header",), ("no",))
    assert outcome.phrase == "cannot tell"


def test_a_rule_on_trial_leaves_nothing_open() -> None:
    text = _deny("header.user-agent: {is: [bot]}, protocol: [http/1.1]").replace(
        "reason: No", "reason: No, stage: shadow"
    )

    assert _again(text, plain()).verdict is Verdict.ALLOW


def test_a_hidden_exception_leaves_a_deny_open() -> None:
    lifted = (
        "exceptions: [{id: ex, waives: [no], when: {header.x-a: {present: true}}, expires: 2030-01-01, "
        "owner: o@x.example, reason: Trial}]\n"
    )

    outcome = _again(_deny("host: {is: [site.example]}") + lifted, plain())

    assert (outcome.verdict, outcome.missing) == (None, ("header",))


def test_where_another_deny_may_be_the_one_that_is_named_the_name_is_not_certain() -> None:
    text = _deny("host: {is: [site.example]}").replace(
        "rules: [", "rules: [{id: a, action: deny, reason: A, when: {header.x-a: {present: true}, port: [80]}}, "
    )

    outcome = _again(text, plain())

    assert (outcome.verdict, outcome.is_named) == (Verdict.DENY, False)


def test_a_request_refused_before_its_name_was_resolved_may_lead_to_a_closed_address() -> None:
    outcome = _again(OPEN, plain(), before=_deny("host: {is: [site.example]}"))

    assert (outcome.verdict, outcome.missing, outcome.open) == (None, ("destination.ip",), ("builtin-special",))


def test_in_reverse_nothing_but_the_rules_stands_in_the_way() -> None:
    before = _deny("host: {is: [site.example]}")

    assert _again(OPEN, plain(), before=before, mode=Mode.REVERSE).verdict is Verdict.ALLOW


def test_a_spliced_tunnel_that_would_be_inspected_hides_its_requests() -> None:
    splice = "tls: {splice: [{id: s, reason: Private, when: {host: {is: [site.example]}}}]}\n"
    denied = _deny("method: [PUT], protocol: [http/1.1, h2]")

    assert _again(denied, spliced(), before=OPEN + splice).missing == ("method", "protocol")
    assert _again(OPEN, spliced(), before=OPEN + splice).verdict is Verdict.ALLOW
    assert _again(denied + splice, spliced(), before=OPEN + splice).verdict is Verdict.ALLOW


def test_an_inspected_request_that_would_be_spliced_is_judged_as_a_tunnel() -> None:
    text = """default: {action: deny}
rules: [{id: get, action: allow, reason: Read, when: {method: [GET]}}]
tls: {splice: [{id: s, reason: Private, when: {host: {is: [site.example]}}}]}
"""

    assert _again(text, inspected()).reason == Reason.DEFAULT
    assert _again(text, inspected(host=Host.parse("other.example"))).verdict is Verdict.ALLOW


def test_whether_tls_is_opened_cannot_be_told_if_that_depends_on_a_hidden_client() -> None:
    text = """default: {action: deny}
rules: [{id: get, action: allow, reason: Read, when: {method: [GET]}}]
tls: {splice: [{id: s, reason: Private, when: {client.ip: {in: [10.0.0.0/8]}}}]}
"""
    policy, asked = compiled(text)
    record, _ = exchange(*judged(compiled(OPEN)[0], inspected()))
    record["client"]["ip"] = "client-2026-11-00000000000000000000"

    outcome = Rejudge(policy).by_rules(recall(record, asked, NOW))

    assert (outcome.verdict, outcome.open) == (None, ("tls",))
    assert "client.ip" in outcome.missing


@pytest.mark.parametrize(
    ("when", "end", "told"),
    [
        ("response.status: [404]", Whole(0, 5, 404), (Verdict.DENY, ())),
        ("response.status: [404]", Whole(0, 5, 200), None),
        ("response.status: [404]", Whole(0, 5, None, answered=False), None),
        ("response.status: [404]", None, (None, ("response.status",))),
        ("response.size: {above: 10B}", Whole(0, 11, 200), (Verdict.DENY, ())),
        ("response.size: {above: 10B}", Whole(0, 10, 200), None),
        ("response.type: [text/html]", Whole(0, 10, 200), (None, ("response.type",))),
        ("response.type: [text/html]", Whole(0, 10, 200, "text/html"), (Verdict.DENY, ())),
        ("response.type: [text/html]", Whole(0, 10, 200, "image/png"), None),
        ("response.type: [text/html]", Whole(0, 10, 200, ABSENT), None),
        ("response.size: {above: 10B}", None, (None, ("response.size",))),
    ],
)
def test_an_answer_is_judged_by_what_its_end_says(
    when: str, end: Whole | None, told: tuple[Verdict | None, tuple[str, ...]] | None
) -> None:
    rejudge, request = _asked(_deny(f"{when}, protocol: [http/1.1]"), plain())

    outcome = rejudge.by_answer(request, end)

    assert (None if outcome is None else (outcome.verdict, outcome.missing)) == told


def test_of_an_answer_that_was_refused_its_type_is_known_and_its_status_is_not() -> None:
    rejudge, request = _asked(_deny("response.type: [text/html], protocol: [http/1.1]"), plain())
    other, again = _asked(_deny("response.status: [404], protocol: [http/1.1]"), plain())

    denied, untold = rejudge.by_answer(request, None, "text/html"), other.by_answer(again, None, "text/html")

    assert denied is not None
    assert (denied.verdict, denied.rule) == (Verdict.DENY, "no")
    assert rejudge.by_answer(request, None, "image/png") is None
    assert untold is not None
    assert untold.missing == ("response.status",)


def test_a_body_that_stated_no_length_is_as_large_as_what_passed() -> None:
    text = _deny("request.size: {above: 10B}, protocol: [http/1.1]")
    rejudge, request = _asked(text, plain(request_size=UNKNOWN))

    assert rejudge.by_rules(request).verdict is Verdict.ALLOW
    assert rejudge.by_answer(request, Whole(10, 0, 200)) is None
    denied = rejudge.by_answer(request, Whole(11, 0, 200))
    assert denied is not None
    assert (denied.verdict, denied.rule) == (Verdict.DENY, "no")
    untold = rejudge.by_answer(request, None)
    assert untold is not None
    assert untold.missing == ("request.size",)


def test_limits_count_in_order_and_tell_which_they_could_not_count() -> None:
    text = OPEN + "limits:\n  - {id: two, key: [client.ip], rate: 2/h, burst: 2}\n"
    rejudge, request = _asked(text + "  - {id: keyed, key: [header.x-key], rate: 1/h, burst: 1}\n", plain())

    told = [rejudge.by_limits(request, "egress")[0] for _ in range(3)]

    assert told[:2] == [None, None]
    assert told[2] is not None
    assert (told[2].verdict, told[2].reason, told[2].rule) == (Verdict.DENY, Reason.RATE_EXCEEDED, "two")
    assert rejudge.left_out == {"keyed": {"header"}}
    assert rejudge.by_limits(request, "another")[0] is None
