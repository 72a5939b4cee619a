"""The policies that come with the product answer the cases beside them, and the cases cover every rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.lists.load import load_lists
from gateway.policy.analysis.cases import read_cases
from gateway.policy.analysis.verdicts import CasesReport, run_cases
from gateway.policy.compile import compile_policy
from gateway.policy.language.document import read_policy
from tests.gates import NOW

POLICIES = Path(__file__).parents[2] / "policies"
CASES = sorted(POLICIES.glob("*.cases.yaml"))


def _run(path: Path) -> CasesReport:
    document = read_cases(path.read_bytes(), path.name)
    file = path.parent / document.policy
    policy = read_policy(file.read_bytes(), file.name)
    lists = load_lists(policy.lists, path.parent, None, NOW)
    return run_cases(document, compile_policy(policy, lists.contents, mode=document.mode), NOW)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_shipped_policy_answers_its_cases(path: Path) -> None:
    report = _run(path)

    assert [(result.case.name, result.got, result.why) for result in report.results if not result.passed] == []
    assert report.coverage.uncovered == ()
    assert report.passed


def test_every_shipped_policy_has_cases() -> None:
    policies = {path.stem for path in POLICIES.glob("*.yaml") if not path.name.endswith(".cases.yaml")}

    assert policies
    assert {path.name.removesuffix(".cases.yaml") for path in CASES} == policies
