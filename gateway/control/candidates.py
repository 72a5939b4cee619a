"""From the file of a policy to a gate that could take over: read, checked, compiled, and tried on its own cases.

Nothing here changes what is in force. A candidate either stands as a whole or does not come about, and then every
problem is told at once.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from gateway.lists.load import load_lists
from gateway.policy.analysis.cases import read_cases
from gateway.policy.analysis.verdicts import run_cases
from gateway.policy.compile import compile_policy
from gateway.policy.language.document import read_policy
from gateway.policy.language.references import list_users
from gateway.policy.problems import Invalid, Place, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.lists.load import LoadedLists
    from gateway.lists.shelf import Shelf
    from gateway.policy.addresses import Address
    from gateway.policy.analysis.verdicts import CasesReport
    from gateway.policy.compiled import CompiledPolicy
    from gateway.policy.language.clauses import ListDocument
    from gateway.policy.language.document import PolicyDocument
    from gateway.policy.model import Mode


@dataclass(frozen=True, slots=True)
class Needs:
    """What a policy is made of: `files`, and lists that are fetched, which are found in `base` with their `ca`."""

    files: tuple[Path, ...]
    feeds: tuple[ListDocument, ...] = ()
    base: Path = Path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the policy of one listener comes from, and what it is compiled for; names lie on the workers' `shelf`.

    Files that a policy names by their whole paths lie below `root`, if there is one.
    """

    file: Path
    mode: Mode
    own: frozenset[tuple[Address, int]]
    kept_lists: Path
    shelf: Shelf | None = None
    root: Path | None = None

    @property
    def cases(self) -> Path:
        """`corporate.cases.yaml` for `corporate.yaml`."""
        return self.file.with_name(f"{self.file.stem}.cases{self.file.suffix}")

    @property
    def needs(self) -> Needs:
        """What is read in any case; lists come to it."""
        return Needs((self.file, self.cases), (), self.file.parent)


class Refused(Invalid):
    """Nothing came of it. `needs` is what it hangs on: once that has changed, it may be worth another try."""

    def __init__(self, problems: Iterable[Problem], needs: Needs) -> None:
        super().__init__(problems)
        self.needs = needs


@dataclass(frozen=True, slots=True)
class Candidate:
    """A policy that could take over, the bytes that it was read from, its lists, and what people should know.

    `needs` is all that it was made of, `users` are the clauses that use each list, `took` is how long it was to be read
    and compiled, in seconds.
    """

    policy: CompiledPolicy
    text: bytes
    lists: LoadedLists
    notices: tuple[str, ...]
    needs: Needs
    users: Mapping[str, tuple[str, ...]]
    took: float = 0.0


def prepare(source: Source, now: float, before: LoadedLists | None, text: bytes | None = None) -> Candidate:
    """A candidate from the file of `source`, or from `text` in its place. Raises Refused with every problem.

    This reads files and may take long; it touches nothing that requests use. Lists that did not change are taken from
    `before`. Cases that fail refuse the policy; cases that cover too little are a notice.
    """
    begun, needs = monotonic(), source.needs
    try:
        content = _read(source.file) if text is None else text
        document = _moved(read_policy(content, str(source.file)), source.root)
        needs = _needs(source, document)
        policy, lists, notices = _made(source, document, now, before)
    except Invalid as error:
        raise Refused(error.problems, needs) from None
    return Candidate(policy, content, lists, notices, needs, list_users(document), monotonic() - begun)


def foreseen(source: Source, *, fetched: bool = True) -> Needs:
    """What the policy seems to need, before it is read for good; as little as is certain if it cannot be read.

    With `fetched` it is looked at only if there seem to be lists that are fetched.
    """
    with suppress(OSError, Invalid):
        content = source.file.read_bytes()
        if not fetched or b"url" in content:
            return _needs(source, read_policy(content, str(source.file)))
    return source.needs


def _moved(document: PolicyDocument, root: Path | None) -> PolicyDocument:
    """The document with lists below a folder that it names by their whole paths."""

    def moved(file: str | None) -> str | None:
        return str(root / file.lstrip("/")) if root is not None and file is not None and file.startswith("/") else file

    if root is None:
        return document
    lists = {name: replace(each, file=moved(each.file), ca=moved(each.ca)) for name, each in document.lists.items()}
    return replace(document, lists=lists)


def _needs(source: Source, document: PolicyDocument) -> Needs:
    base, lists = source.file.parent, document.lists.values()
    named = (base / file for each in lists for file in (each.file, each.ca) if file is not None)
    return Needs((*source.needs.files, *named), tuple(each for each in lists if each.feed is not None), base)


def _made(
    source: Source, document: PolicyDocument, now: float, before: LoadedLists | None
) -> tuple[CompiledPolicy, LoadedLists, tuple[str, ...]]:
    lists = load_lists(document.lists, source.file.parent, source.kept_lists, now, before, shelf=source.shelf)
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
    return policy, lists, tuple(notices)


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
