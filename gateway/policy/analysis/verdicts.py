"""Running cases: every question is put to the gate, and what differs from what was wanted is told with its why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.policy.analysis.coverage import Coverage, coverage_of
from gateway.policy.analysis.requests import Question, facts_of, judge
from gateway.policy.errors import Malformed
from gateway.policy.explain import explain
from gateway.policy.gate import Gate
from gateway.policy.limits import LimitTable
from gateway.policy.model import Reason, refuse

if TYPE_CHECKING:
    from gateway.policy.analysis.cases import Case, CasesDocument
    from gateway.policy.compiled import CompiledPolicy
    from gateway.policy.model import Decision


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A case with what came of it: the decision, whether it is the wanted one, and why it was made, in lines."""

    case: Case
    decision: Decision
    passed: bool
    why: tuple[str, ...]

    @property
    def wanted(self) -> str:
        """What the case asks for, like `deny by no-ads`."""
        return _phrase(self.case.expect, self.case.rule, self.case.reason)

    @property
    def got(self) -> str:
        """What was decided, in the same words."""
        decision = self.decision
        return _phrase(decision.verdict.value, decision.rule, None if decision.rule else decision.reason)


@dataclass(frozen=True, slots=True)
class CasesReport:
    """All results, the coverage, and the share of rules that was to be covered."""

    results: tuple[CaseResult, ...]
    coverage: Coverage
    required: float | None

    @property
    def covered(self) -> bool:
        """Whether the cases cover what they must."""
        return self.required is None or self.coverage.share >= self.required

    @property
    def passed(self) -> bool:
        """Whether every case passed and the coverage is reached."""
        return self.covered and all(result.passed for result in self.results)


def run_cases(document: CasesDocument, policy: CompiledPolicy, now: float) -> CasesReport:
    """Ask `policy` every case; `now` is the moment of those for which neither the case nor its file says one."""
    results = tuple(_run(case, document, policy, now) for case in document.cases)
    coverage = coverage_of(policy, (result.decision for result in results))
    return CasesReport(results, coverage, document.rule_coverage)


def _run(case: Case, document: CasesDocument, policy: CompiledPolicy, now: float) -> CaseResult:
    moment = next(at for at in (case.at, document.at, now) if at is not None)
    question = Question(url=case.url, method=case.method, given={**document.given, **case.given})
    try:
        facts = facts_of(question, document.mode, moment)
    except Malformed as error:
        decision = refuse(Reason.MALFORMED_REQUEST, str(error))
        wanted = case.expect == "deny" and case.reason is Reason.MALFORMED_REQUEST
        return CaseResult(case, decision, wanted, (str(error),))
    gate = Gate(policy, LimitTable(policy.limit_specs))
    decision = [judge(gate, facts) for _ in range(case.repeat)][-1]
    return CaseResult(case, decision, _as_wanted(case, decision), explain(decision, policy, facts))


def _as_wanted(case: Case, decision: Decision) -> bool:
    return (
        decision.verdict.value == case.expect
        and case.rule in (None, decision.rule)
        and case.reason in (None, decision.reason)
    )


def _phrase(verdict: str, rule: str | None, reason: Reason | None) -> str:
    return f"{verdict}{f' by `{rule}`' if rule else ''}{f' ({reason})' if reason else ''}"
