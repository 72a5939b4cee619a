"""From the file of a policy to a gate that could take over: read, checked, compiled, and tried on its own cases.

Nothing here changes what is in force. A candidate either stands as a whole or does not come about, and then every
problem is told at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from gateway.lists.load import load_lists
from gateway.policy.analysis.cases import read_cases
from gateway.policy.analysis.verdicts import run_cases
from gateway.policy.compile import compile_policy
from gateway.policy.language.document import read_policy
from gateway.policy.problems import Invalid, Place, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.lists.load import LoadedLists
    from gateway.policy.addresses import Address
    from gateway.policy.analysis.verdicts import CasesReport
    from gateway.policy.compiled import CompiledPolicy
    from gateway.policy.language.document import PolicyDocument
    from gateway.policy.model import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the policy of one listener comes from, and what it is compiled for."""

    file: Path
    mode: Mode
    own: frozenset[tuple[Address, int]]
    kept_lists: Path

    @property
    def cases(self) -> Path:
        """`corporate.cases.yaml` for `corporate.yaml`."""
        return self.file.with_name(f"{self.file.stem}.cases{self.file.suffix}")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A policy that could take over, the bytes that it was read from, its lists, and what people should know.

    `took` is how long it was to be read and compiled, in seconds.
    """

    policy: CompiledPolicy
    text: bytes
    lists: LoadedLists
    notices: tuple[str, ...]
    took: float = 0.0


def prepare(source: Source, now: float, before: LoadedLists | None, text: bytes | None = None) -> Candidate:
    """A candidate from the file of `source`, or from `text` in its place. Raises Invalid with every problem.

    This reads files and may take long; it touches nothing that requests use. Lists that did not change are taken from
    `before`. Cases that fail refuse the policy; cases that cover too little are a notice.
    """
    begun = monotonic()
    content = _read(source.file) if text is None else text
    document = read_policy(content, str(source.file))
    lists = load_lists(document.lists, source.file.parent, source.kept_lists, now, before)
    if lists.problems:
        raise Invalid(lists.problems)
    policy = compile_policy(document, lists.contents, mode=source.mode, own=source.own)
    notices = [str(notice) for notice in lists.notices]
    if source.cases.exists():
        report = _tried(source, document, lists, policy, now)
        if failed := tuple(_failed(report)):
            raise Invalid(failed)
        if not report.covered:
            notices.append(f"{source.cases}: the cases cover fewer rules than they ask for")
    return Candidate(policy, content, lists, tuple(notices), monotonic() - begun)


def _tried(
    source: Source, document: PolicyDocument, lists: LoadedLists, policy: CompiledPolicy, now: float
) -> CasesReport:
    """The cases, asked of the policy as they mean it: they say themselves which way the listener faces."""
    cases = read_cases(_read(source.cases), str(source.cases))
    if cases.mode is not policy.mode:
        policy = compile_policy(document, lists.contents, mode=cases.mode, own=source.own)
    return run_cases(cases, policy, now)


def _failed(report: CasesReport) -> Iterator[Problem]:
    for result in report.results:
        if not result.passed:
            sentence = f"case `{result.case.name}` wants {result.wanted}, the policy says {result.got}"
            yield Problem(result.case.place, "cases", sentence)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        why = (error.strerror or "it cannot be read").lower()
        raise Invalid([Problem(Place(str(path), 1, 1), "", f"the file cannot be read: {why}")]) from None
