from __future__ import annotations

from datetime import date

import pytest

from gateway.policy.language.clauses import ExceptionDocument, RuleDocument
from gateway.policy.language.conditions import Condition
from gateway.policy.names import Host
from gateway.policy.problems import Place
from tests.reading import objections, policy

GET = (Condition("method", "in", ("GET",)),)
HTTP = (Condition("scheme", "in", ("http",)),)
RULES = """
guardrails: [{id: wall, reason: x, when: {method: [GET]}}]
rules:
  - {id: no-ads, action: deny, reason: x, when: {method: [GET]}}
  - {id: staff, action: allow, reason: x, when: {method: [GET]}}
limits: [{id: lim, key: [user], concurrent: 1}]
"""


def test_a_rule_says_what_happens_to_whom_and_why() -> None:
    document = policy(
        "rules:\n"
        "  - {id: a, action: deny, reason: Because, when: {method: [GET]}, not: {scheme: [http]}}\n"
        "  - {id: b, action: allow, reason: x, stage: shadow, any: [{method: [GET]}, {scheme: [http]}]}\n"
        "guardrails:\n"
        "  - {id: c, reason: x, stage: off, not: {method: [GET]}}\n"
    )

    assert document.rules == (
        RuleDocument(id="a", action="deny", reason="Because", when=GET, not_=HTTP),
        RuleDocument(id="b", action="allow", reason="x", stage="shadow", any=(GET, HTTP)),
    )
    assert document.guardrails == (RuleDocument(id="c", action="deny", reason="x", stage="off", not_=GET),)
    assert document.rules[1].place == Place("p.yaml", 5, 5)


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        (
            ["rules[0]: one of `when`, `not`, `any` is missing: without conditions it would be about every request"],
            "{id: a, action: deny, reason: x}",
        ),
        (
            ["rules[0].action: `block` is unknown here, known are `allow`, `deny`"],
            "{id: a, action: block, reason: x, when: {port: [1]}}",
        ),
        (
            ["rules[0]: `reason` is missing, here belongs a sentence for the people who are refused"],
            "{id: a, action: deny, when: {port: [1]}}",
        ),
        (
            ["rules[0].stage: `shadowed` is unknown here, did you mean `shadow`?"],
            "{id: a, action: deny, reason: x, stage: shadowed, when: {port: [1]}}",
        ),
        (
            ["rules[0]: unknown key `wen`, did you mean `when`?"],
            "{id: a, action: deny, reason: x, wen: 1, when: {port: [1]}}",
        ),
        (
            ["rules[0].any: the list is empty, here belongs a list, like `[{method: [POST]}, {port: [80]}]`"],
            "{id: a, action: deny, reason: x, any: []}",
        ),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_with_the_way_out(said: list[str], yaml: str) -> None:
    assert said == objections(f"rules: [{yaml}]")


def test_a_guardrail_has_no_action() -> None:
    assert objections("guardrails: [{id: a, action: allow, reason: x, when: {port: [1]}}]") == [
        "guardrails[0]: a guardrail always denies, leave `action` out"
    ]


@pytest.mark.parametrize("section", ["rules", "guardrails"])
def test_a_place_in_the_world_is_no_fact_without_a_database(section: str) -> None:
    action = "action: deny, " if section == "rules" else ""
    clause = f"{{id: a, {action}reason: x, when: {{destination.country: {{in: [DE]}}}}}}"
    shadow = clause.replace("reason", "stage: shadow, reason")

    assert objections(f"{section}: [{clause}]") == [
        (
            f"{section}[0]: `destination.country` is told by a database: declare a list of type `database`, "
            "or set `stage: shadow`"
        )
    ]
    assert objections(f"{section}: [{shadow}]") == []
    assert objections(f"lists: {{geo: {{type: database, file: a}}}}\n{section}: [{clause}]") == []


def test_an_exception_names_what_it_lifts_for_whom_and_until_when() -> None:
    document = policy(
        RULES + "exceptions: [{id: ex-1, waives: [no-ads], when: {host: {is: [a.example]}}, "
        "expires: 2026-12-31, owner: bob@corp.example, reason: Release}]"
    )

    assert document.exceptions == (
        ExceptionDocument(
            id="ex-1",
            waives=("no-ads",),
            when=(Condition("host", "is", (Host.parse("a.example"),)),),
            expires=date(2026, 12, 31),
            owner="bob@corp.example",
            reason="Release",
        ),
    )


@pytest.mark.parametrize(
    ("said", "waived"),
    [
        ("`wall` is a guardrail, and no exception lifts a guardrail: narrow it by `not`", "wall"),
        ("`builtin-special` is a guardrail, and no exception lifts a guardrail: narrow it by `not`", "builtin-special"),
        ("there is no rule `no-adds`, did you mean `no-ads`?", "no-adds"),
        ("there is no rule `zzz` to lift", "zzz"),
        ("`staff` allows, an exception lifts rules that deny", "staff"),
        ("`lim` is a limit, an exception lifts rules that deny", "lim"),
        ("`ex-1` is an exception, an exception lifts rules that deny", "ex-1"),
        ("a list cannot stand here, here belongs the id of a rule", "[no-ads]"),
    ],
)
def test_an_exception_lifts_only_rules_that_deny(said: str, waived: str) -> None:
    exception = (
        f"exceptions: [{{id: ex-1, waives: [{waived}], when: {{port: [1]}}, expires: 2026-12-31, owner: o, reason: x}}]"
    )

    assert objections(RULES + exception) == [f"exceptions[0].waives[0]: {said}"]


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("`2026-02-30` is no day of the calendar", "2026-02-30"),
        ("`31.12.2026` is no date, write it like `2026-12-31`", "31.12.2026"),
        ("`20261231` is no date, write it like `2026-12-31`", "20261231"),
        ("`2026-12-31T10:00:00Z` is no date, write it like `2026-12-31`", "2026-12-31T10:00:00Z"),
    ],
)
def test_an_exception_ends_on_a_day_of_the_calendar(said: str, day: str) -> None:
    exception = f"exceptions: [{{id: e, waives: [no-ads], when: {{port: [1]}}, expires: {day}, owner: o, reason: x}}]"

    assert objections(RULES + exception) == [f"exceptions[0].expires: {said}"]


def test_an_exception_needs_a_reason_an_owner_an_end_and_somebody_it_is_for() -> None:
    assert objections(RULES + "exceptions: [{id: e, waives: [no-ads]}]") == [
        "exceptions[0]: `expires` is missing, here belongs a date, like `2026-12-31`",
        "exceptions[0]: `owner` is missing, here belongs somebody to ask, like `alice@example.com`",
        "exceptions[0]: `reason` is missing, here belongs a sentence for the people who are refused",
        "exceptions[0]: one of `when`, `not`, `any` is missing: without conditions it would be about every request",
    ]


def test_an_exception_that_could_never_hold_is_no_exception() -> None:
    exception = (
        "exceptions: [{id: e, waives: [no-ads], when: {destination.asn: {in: [1]}}, "
        "expires: 2026-12-31, owner: o, reason: x}]"
    )

    assert len(objections(RULES + exception)) == 1
