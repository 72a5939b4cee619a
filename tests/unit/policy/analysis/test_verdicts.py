from __future__ import annotations

from typing import Any

import pytest

from gateway.policy.analysis.cases import read_cases
from gateway.policy.analysis.verdicts import CasesReport, run_cases
from tests.gates import NOW, policy_of

POLICY = """
default: {action: allow}
rules:
  - {id: no-put, action: deny, reason: No writing, when: {method: [PUT]}}
  - {id: at-night, action: deny, reason: Closed, when: {time: {from: "22:00", to: "06:00", zone: UTC}}}
limits: [{id: slow, key: [client.ip], rate: 2/min, burst: 2}]
"""
HEAD = 'policy: p.yaml\nat: "2026-11-23T10:00:00Z"\ngiven: {client.ip: 10.1.2.3, destination.ip: 93.184.216.34}\n'


def _run(*cases: str, head: str = HEAD, tail: str = "") -> CasesReport:
    listed = "".join(f"\n  - {{name: n, {case}}}" for case in cases)
    return run_cases(read_cases(f"{head}cases:{listed}\n{tail}", "c.yaml"), policy_of(POLICY), NOW)


@pytest.mark.parametrize(
    ("passed", "wanted", "got", "case"),
    [
        (True, "allow", "allow (allowed-by-default)", 'url: "http://a.test/", expect: allow'),
        (False, "deny", "allow (allowed-by-default)", 'url: "http://a.test/", expect: deny'),
        (
            True,
            "deny by `no-put`",
            "deny by `no-put`",
            'url: "http://a.test/", method: PUT, expect: deny, rule: no-put',
        ),
        (
            False,
            "deny by `slow`",
            "deny by `no-put`",
            'url: "http://a.test/", method: PUT, expect: deny, rule: slow',
        ),
        (
            False,
            "deny (default)",
            "deny by `no-put`",
            'url: "http://a.test/", method: PUT, expect: deny, reason: default',
        ),
        (
            True,
            "deny by `at-night`",
            "deny by `at-night`",
            'url: "http://a.test/", at: "2026-11-23T23:00:00Z", expect: deny, rule: at-night',
        ),
        (True, "deny by `slow`", "deny by `slow`", 'url: "http://a.test/", repeat: 3, expect: deny, rule: slow'),
        (True, "allow", "allow (allowed-by-default)", 'url: "http://a.test/", repeat: 2, expect: allow'),
        (
            True,
            "deny by `builtin-special`",
            "deny by `builtin-special`",
            'url: "http://a.test/", with: {destination.ip: null}, expect: deny, rule: builtin-special',
        ),
        (
            True,
            "deny (malformed-request)",
            "deny (malformed-request)",
            'url: "http://a b/", expect: deny, reason: malformed-request',
        ),
        (False, "deny", "deny (malformed-request)", 'url: "http://a b/", expect: deny'),
        (False, "deny", "deny (malformed-request)", 'url: "http://a.test/", with: {usr: eve}, expect: deny'),
    ],
)
def test_a_case_passes_if_verdict_rule_and_reason_are_the_wanted_ones(
    *, passed: bool, wanted: str, got: str, case: str
) -> None:
    (result,) = _run(case).results

    assert (result.wanted, result.got) == (wanted, got)
    assert result.passed is passed
    assert result.why


def test_every_case_begins_with_fresh_limits() -> None:
    report = _run(*['url: "http://a.test/", repeat: 2, expect: allow'] * 3)

    assert [result.passed for result in report.results] == [True] * 3


def test_a_case_that_fails_says_why() -> None:
    (result,) = _run('url: "http://a.test/", method: PUT, expect: allow').results

    assert result.why == ("denied by rule `no-put`", "  reason: No writing", "  at p.yaml:5", "  method is PUT")


@pytest.mark.parametrize(
    ("passed", "tail"),
    [(True, ""), (True, "require: {rule_coverage: 50%}"), (False, "require: {rule_coverage: 100%}")],
)
def test_cases_pass_together_if_they_cover_what_they_must(*, passed: bool, tail: str) -> None:
    report = _run('url: "http://a.test/", method: PUT, expect: deny', tail=tail)

    assert (report.passed, report.covered) == (passed, passed)
    assert report.coverage.uncovered == ("at-night",)
    assert report.coverage.untried_limits == ("slow",)


def test_one_case_that_fails_fails_them_all() -> None:
    report = _run('url: "http://a.test/", expect: allow', 'url: "http://a.test/", expect: deny')

    assert not report.passed
    assert report.covered


@pytest.mark.parametrize(("rule", "now"), [(None, NOW), ("at-night", NOW + 13 * 3600)])
def test_cases_without_a_moment_are_asked_now(rule: Any, now: float) -> None:
    text = HEAD.replace('at: "2026-11-23T10:00:00Z"\n', "") + 'cases: [{name: n, url: "http://a.test/", expect: allow}]'

    assert run_cases(read_cases(text, "c.yaml"), policy_of(POLICY), now).results[0].decision.rule == rule
