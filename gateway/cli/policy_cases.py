"""`wicketgate policy test`: whether a policy answers the cases beside it as its author wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.cli.outcome import FINDINGS, OK, Unusable
from gateway.cli.output import answer
from gateway.cli.policy_files import cases_beside, open_policy, read_source
from gateway.policy.analysis.cases import read_cases
from gateway.policy.analysis.verdicts import run_cases
from gateway.policy.explain import as_json
from gateway.policy.problems import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gateway.policy.analysis.verdicts import CaseResult, CasesReport


def try_out(paths: Sequence[Path], form: str, now: float) -> int:
    """Run the cases of every file and tell those that come out otherwise. Raises Unusable for what cannot be read.

    `now` is the moment of cases that state none, in seconds since the epoch.
    """
    reports: list[tuple[Path, CasesReport]] = []
    problems: list[str] = []
    for path in map(_cases_of, paths):
        try:
            reports.append((path, _report(path, now)))
        except Invalid as error:
            problems += map(str, error.problems)
    if problems:
        raise Unusable(*problems)
    lines = (line for path, report in reports for line in _lines(path, report))
    answer(form, lines, {"files": [_data(path, report) for path, report in reports]})
    return OK if all(report.passed for _, report in reports) else FINDINGS


def _cases_of(path: Path) -> Path:
    beside = cases_beside(path)
    return beside if beside.is_file() else path


def _report(path: Path, now: float) -> CasesReport:
    document = read_cases(read_source(path), str(path))
    policy = open_policy(path.parent / document.policy, document.mode, now)
    return run_cases(document, policy.compiled, now)


def _lines(path: Path, report: CasesReport) -> Iterator[str]:
    failed = [result for result in report.results if not result.passed]
    yield f"{path}: {len(report.results)} cases, {_count(failed)}, {report.coverage.share:.0%} of the rules covered"
    for result in failed:
        yield f"{result.case.place}  {result.case.name}: wanted {result.wanted}, got {result.got}"
        yield from (f"    {line}" for line in result.why)
    if not report.covered:
        rules = ", ".join(f"`{name}`" for name in report.coverage.uncovered)
        yield f"{path}: {report.required:.0%} of the rules must be covered, no case meets {rules}"


def _count(failed: Sequence[CaseResult]) -> str:
    return f"{len(failed)} failed" if failed else "all as wanted"


def _data(path: Path, report: CasesReport) -> dict[str, Any]:
    coverage = report.coverage
    return {
        "file": str(path),
        "passed": report.passed,
        "cases": [_case_data(result) for result in report.results],
        "coverage": {
            "share": coverage.share,
            "required": report.required,
            "uncovered": list(coverage.uncovered),
            "untried_limits": list(coverage.untried_limits),
        },
    }


def _case_data(result: CaseResult) -> dict[str, Any]:
    return {
        "name": result.case.name,
        "line": result.case.place.line,
        "passed": result.passed,
        "wanted": result.wanted,
        "got": result.got,
        "decision": as_json(result.decision),
        "why": list(result.why),
    }
