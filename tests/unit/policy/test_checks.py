from __future__ import annotations

import pytest

from gateway.policy.checks import document_selections
from gateway.policy.checks import problems_of as found_in
from gateway.policy.language.document import read_policy
from gateway.policy.model import Mode
from tests.gates import OPEN, problems_of
from tests.strategies import contents

DENY_GET = "  - {id: r, action: deny, reason: R, when: {method: [GET]}}\n"
DENY_404 = "  - {id: r, action: deny, reason: R, when: {response.status: [404]}}\n"


def _waiving(condition: str) -> str:
    return f"  - {{id: e, waives: [r], when: {{{condition}}}, expires: 2027-01-01, owner: o, reason: R}}"


LATE_ALLOW = "an allow is given before there is an answer, write the opposite as a deny"
LATE_SPLICE = "`destination.ip` is not known when TLS begins, ask for `host` or `tls.sni`"
LATE_EXCEPTION = (
    "`response.status` is known only after `r` was decided, so nothing would be lifted: "
    "leave it out, or give the rule a condition on the answer too"
)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (
            f"3:50  rules[0]: `response.status`: {LATE_ALLOW}",
            "rules: [{id: r, action: allow, reason: R, when: {response.status: [200]}}]",
        ),
        (
            f"3:70  rules[0]: `response.type`: {LATE_ALLOW}",
            "rules: [{id: r, action: allow, reason: R, when: {port: [443]}, not: {response.type: [text/html]}}]",
        ),
        (
            f"6:33  exceptions[0]: {LATE_EXCEPTION}",
            f"rules:\n{DENY_GET}exceptions:\n{_waiving('response.status: [200]')}",
        ),
        (
            f"3:59  tls.splice[0]: {LATE_SPLICE}",
            "tls: {splice: [{id: s, reason: R, when: {destination.ip: {in: [private]}}}]}",
        ),
        (
            f"3:34  tls.inspect: {LATE_SPLICE}",
            "tls: {inspect: {destination.ip: {in: [private]}}}",
        ),
    ],
)
def test_what_a_policy_can_never_get_is_said_with_the_way_out(wanted: str, text: str) -> None:
    assert problems_of(OPEN + text) == [f"p.yaml:{wanted}"]


@pytest.mark.parametrize(
    "text",
    [
        "rules: [{id: r, action: allow, stage: off, reason: R, when: {response.status: [200]}}]",
        f"rules:\n{DENY_404}",
        f"rules:\n{DENY_404}exceptions:\n{_waiving('response.type: [text/html]')}",
        "headers: [{when: {response.type: [text/html]}, response: {remove: [Server]}}]",
        "tls: {splice: [{id: s, reason: R, when: {host: {is: [a.test]}, user: [alice], port: [443]}}]}",
    ],
)
def test_what_can_be_known_in_time_is_accepted(text: str) -> None:
    assert problems_of(OPEN + text) == []


def test_a_policy_is_not_judged_without_the_contents_of_its_lists() -> None:
    text = f"""version: 1
{OPEN}
lists: {{names: {{type: domain, items: [a.test], match: is}}, nets: {{type: network, items: [10.0.0.0/8]}}}}
rules: [{{id: r, action: deny, reason: R, when: {{host: {{in: ["@names"]}}}}}}]
"""
    document = read_policy(text, "p.yaml")
    held = contents()

    assert found_in(document, {"names": held["names"], "nets": held["nets"]}, Mode.FORWARD) == ()
    assert [problem.message for problem in found_in(document, {"nets": held["nets"]}, Mode.FORWARD)] == [
        "the contents of the list `names` were not loaded"
    ]


def test_what_is_off_decides_about_nothing() -> None:
    text = "version: 1\n" + OPEN + "rules:\n" + DENY_GET + DENY_404.replace("id: r,", "id: s, stage: off,")
    selections = document_selections(read_policy(text, "p.yaml"))

    assert [condition.fact for selection in selections for condition in selection.conditions] == ["method"]
