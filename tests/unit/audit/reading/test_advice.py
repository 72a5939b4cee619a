from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit.reading.advice import advice
from gateway.audit.reading.refusals import Refusal
from gateway.cli.policy_files import open_policy
from gateway.policy.model import Mode, Reason
from tests.unit.audit.reading.made import decision, end
from tests.unit.audit.samples import NOW

if TYPE_CHECKING:
    from pathlib import Path

POLICY = """version: 1
name: p
default: {action: allow}
rules:
  - {id: no-ads, action: deny, reason: Ads, when: {host: {is: [b.example]}}}
"""


def refused(**changes: Any) -> Refusal:
    return Refusal(decision(1, **changes))


@pytest.mark.parametrize(
    ("wanted", "changes"),
    [
        ("{host: {is: [a.example]}, client.ip: {in: [10.1.2.3]}}", {}),
        ('{host: {is: [a.example]}, client.ip: {in: ["2001:db8::1"]}}', {"client": "2001:db8::1"}),
        (r'{host: {is: [a.example]}, user: ["o\"b: }"]}', {"user": 'o"b: }'}),
        ("{host: {is: [a.example]}}", {"client": "client-2026-11-aa"}),
        ('{host: {is: ["2001:db8::1"]}, client.ip: {in: [10.1.2.3]}}', {"host": "2001:db8::1"}),
        ("{host: {is: [1.2.3.4]}, client.ip: {in: [10.1.2.3]}}", {"host": "1.2.3.4"}),
    ],
)
def test_an_exception_to_copy_is_as_narrow_as_the_request(wanted: str, changes: dict[str, Any], tmp_path: Path) -> None:
    proposed = advice(refused(**{"host": "a.example", **changes}), ["no-ads"], NOW)
    (tmp_path / "p.yaml").write_text(POLICY + "\n".join(proposed.yaml), encoding="utf-8")

    assert f"    when: {wanted}" in proposed.yaml
    assert "    expires: 2026-12-07" in proposed.yaml
    assert open_policy(tmp_path / "p.yaml", Mode.FORWARD, NOW).document.exceptions[0].waives == ("no-ads",)


def test_a_default_that_denies_is_met_by_a_rule(tmp_path: Path) -> None:
    proposed = advice(refused(reason="default", rule=None, host="a.example"), [], NOW)
    begin = "version: 1\nname: p\ndefault: {action: deny}\n"
    (tmp_path / "p.yaml").write_text(begin + "\n".join(proposed.yaml), encoding="utf-8")

    assert [rule.id for rule in open_policy(tmp_path / "p.yaml", Mode.FORWARD, NOW).document.rules] == [
        "allow-a-example"
    ]


@pytest.mark.parametrize(
    ("wanted", "rule"),
    [
        (('unsafe_destinations: [93.184.216.34, "2001:4860::1"]',), "builtin-special"),
        (("connect_ports: [443, 443]",), "builtin-connect-port"),
        ((), "office-only"),
    ],
)
def test_a_guardrail_is_not_lifted_by_an_exception(wanted: tuple[str, ...], rule: str, tmp_path: Path) -> None:
    proposed = advice(refused(reason="guardrail", rule=rule), [], NOW)

    assert "no exception lifts" in proposed.words
    assert proposed.yaml == wanted


def test_an_address_that_was_asked_for_itself_can_be_opened() -> None:
    record = decision(1, reason="guardrail", rule="builtin-special", host="127.0.0.1")
    record["destination"] = None

    assert advice(Refusal(record), [], NOW).yaml == ("unsafe_destinations: [127.0.0.1]",)


@pytest.mark.parametrize("reason", [str(each) for each in Reason if not str(each).startswith("allowed")])
def test_every_reason_has_a_way_out(reason: str) -> None:
    proposed = advice(refused(reason=reason), ["no-ads"], NOW)

    assert len(proposed.words.split()) > 5
    assert "{" not in proposed.words


def test_what_was_refused_later_is_what_counts() -> None:
    later = end(2, 1, decision={"verdict": "deny", "reason": "upstream-refused", "rule": None})

    assert "no rule refused it" in advice(Refusal(decision(1, "allow"), later), [], NOW).words
