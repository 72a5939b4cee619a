"""`wicketgate policy check`: whether a file is a policy, and can be enforced.

A policy is compiled for the way its listener faces, for that decides what can be known. The cases beside it say which
way that is; without them it is a forward proxy, where more can go wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.cli.outcome import OK, WRONG_USAGE, complain
from gateway.cli.output import answer, problem_data
from gateway.cli.policy_files import PolicyFile, cases_beside, open_policy, read_source
from gateway.policy.model import Mode
from gateway.policy.problems import Invalid, Place, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gateway.policy.language.document import PolicyDocument


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of one file: the policy, or the problems."""

    path: Path
    mode: Mode
    policy: PolicyFile | None = None
    problems: tuple[Problem, ...] = ()
    fits_reverse: bool = False


def check(paths: Sequence[Path], mode: Mode | None, form: str, now: float) -> int:
    """Check every file and say all that is wrong with any of them."""
    results = [_checked(path, mode, now) for path in paths]
    answer(
        form, (line for result in results for line in _lines(result)), {"policies": [_data(each) for each in results]}
    )
    if form == "text":
        complain(*(line for result in results for line in _complaints(result)))
    return OK if all(result.policy is not None for result in results) else WRONG_USAGE


def _checked(path: Path, mode: Mode | None, now: float) -> Checked:
    facing = mode or Mode.FORWARD
    if path.stem.endswith(".cases"):
        return Checked(path, facing, problems=(_for_another_verb(path),))
    try:
        facing = mode or _mode_of_cases(cases_beside(path))
        return Checked(path, facing, open_policy(path, facing, now))
    except Invalid as error:
        fits_reverse = mode is None and facing is Mode.FORWARD and _can_be_enforced(path, Mode.REVERSE, now)
        return Checked(path, facing, problems=error.problems, fits_reverse=fits_reverse)


def _can_be_enforced(path: Path, mode: Mode, now: float) -> bool:
    try:
        open_policy(path, mode, now)
    except Invalid:
        return False
    return True


def _for_another_verb(path: Path) -> Problem:
    return Problem(Place(str(path), 1, 1), "", "this is a file of cases, `wicketgate policy test` runs it")


def _mode_of_cases(path: Path) -> Mode:
    if not path.is_file():
        return Mode.FORWARD
    from gateway.policy.analysis.cases import read_cases

    return read_cases(read_source(path), str(path)).mode


def _lines(result: Checked) -> Iterator[str]:
    if result.policy is None:
        return
    yield f"{result.path}: fine, {result.mode}, {contents(result.policy.document)}"
    for notice in result.policy.notices:
        yield f"  notice: {notice}"


def _complaints(result: Checked) -> Iterator[str]:
    yield from map(str, result.problems)
    if result.fits_reverse:
        yield f"{result.path}: a reverse gateway could use it, `--mode reverse` checks it for one"


def contents(document: PolicyDocument) -> str:
    """What a policy holds, counted, for people."""
    counts = {
        "guardrail": len(document.guardrails),
        "rule": len(document.rules),
        "exception": len(document.exceptions),
        "limit": len(document.limits),
        "list": len(document.lists),
    }
    named = [f"{count} {what}{'s' * (count != 1)}" for what, count in counts.items() if count]
    return ", ".join([*named, f"default {document.default.action}"])


def _data(result: Checked) -> dict[str, Any]:
    data: dict[str, Any] = {"file": str(result.path), "mode": str(result.mode), "fine": result.policy is not None}
    if result.policy is not None:
        data["name"] = result.policy.document.name
        data["digest"] = result.policy.compiled.digest
        data["lists"] = {name: content.entries for name, content in result.policy.lists.items()}
        data["notices"] = [problem_data(notice) for notice in result.policy.notices]
    data["problems"] = [problem_data(problem) for problem in result.problems]
    return data
