"""The policy in force of one listener: one reference, replaced as a whole or not at all.

Whoever decides takes `current` once and keeps it: a snapshot. What was asked of the old policy is answered by the old
policy; the next snapshot is the new one. A reload that meets any problem (the policy, a list, a case of the policy's
own tests) changes nothing and says so. Counters of limits that stayed the same go on counting.

At a start there is nothing yet to go on with. A policy that cannot be used ends the start, even if a last good copy
lies in the state folder: a gateway that comes up under another law than the one its operator wrote, after an edit
that nobody read the error of, surprises in both directions. `start(last_good=True)` is for the operator who asks.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from gateway.audit.records.events import list_record, policy_record
from gateway.control.candidates import Refused, Source, foreseen, prepare
from gateway.control.lastgood import keep_copy
from gateway.limits.counters import Counters
from gateway.policy.gate import Gate
from gateway.policy.problems import Place, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gateway.audit.records.events import Cause
    from gateway.audit.records.record import Record
    from gateway.config.settings import ListenerSettings
    from gateway.control.candidates import Candidate, Needs
    from gateway.control.listing import Unfetched
    from gateway.lists.load import LoadedList, LoadedLists
    from gateway.lists.shelf import Shelf
    from gateway.policy.addresses import Address


ALONE: Final = Counters()
"""Limits are counted by this process alone."""
_OF_A_LIST: Final = re.compile(r"lists\.([^.\[]+)")


@dataclass(frozen=True, slots=True)
class Reloaded:
    """Another policy, or the same one read again, is in force; `notices` are sentences for people."""

    digest: str
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """What was in force still is; the problems say why."""

    problems: tuple[Problem, ...]


class PolicyStore:
    """Holds the gate of one listener.

    `own` are the gateway's own listeners, `clock` gives seconds since the epoch, `record` writes an audit record (or
    raises, and then nothing is replaced), `counters` say where limits are counted, a `shelf` where names of lists are.
    The last good copy lies in `state/policy/<listener>/policy.yaml`.
    """

    def __init__(  # noqa: PLR0913 - what a policy is read with, and where it is written down
        self,
        listener: ListenerSettings,
        state: Path,
        *,
        own: frozenset[tuple[Address, int]],
        clock: Callable[[], float],
        record: Callable[[Record], object],
        counters: Counters = ALONE,
        shelf: Shelf | None = None,
    ) -> None:
        self._counters = counters
        self._listener = listener.name
        self._source = Source(
            file=listener.policy,
            mode=listener.mode,
            own=own,
            kept_lists=state / "lists" / listener.name,
            shelf=shelf,
        )
        self._copy = state / "policy" / listener.name / "policy.yaml"
        self._clock = clock
        self._record = record
        self._gate: Gate | None = None
        self._lists: LoadedLists | None = None
        self._needs = self._source.needs
        self._turn = asyncio.Lock()
        self.users: Mapping[str, tuple[str, ...]] = {}
        """The clauses in force that use each list, by its name."""
        self.took = 0.0
        """How long what is in force took to be read and compiled, in seconds."""
        self.loaded = 0.0
        """When what is in force was put in force, in seconds since the epoch."""
        self.unfetched: dict[str, Unfetched] = {}
        """What nothing came of the last time that it was fetched, by the names of lists."""
        self.refused: tuple[Problem, ...] = ()
        """Why the last reload changed nothing; nothing if it did."""

    @property
    def file(self) -> Path:
        """Where the policy is read from."""
        return self._source.file

    @property
    def lists(self) -> Mapping[str, LoadedList]:
        """The lists in force, by their names."""
        return {} if self._lists is None else self._lists.lists

    @property
    def current(self) -> Gate:
        """The gate in force now: take it once per connection and keep it."""
        if self._gate is None:
            raise RuntimeError("the policy store was not started")
        return self._gate

    @property
    def needs(self) -> Needs:
        """What was read the last time, or would have been: when some of it has changed, it is worth reading again."""
        return self._needs

    def point_at(self, file: Path, root: Path | None = None) -> bool:
        """Read the policy from there from now on; whether that is another place. What is in force stays so.

        Below `root` lies what the policy names by a whole path, None if that is where it says.
        """
        if (file, root) == (self._source.file, self._source.root):
            return False
        self._source = replace(self._source, file=file, root=root)
        self._needs = self._source.needs
        return True

    def foresee(self, *, fetched: bool = True) -> None:
        """Learn what the policy needs before it is read for good: what can be `fetched`, or everything. Blocks."""
        self._needs = foreseen(self._source, fetched=fetched)

    def start(self, *, last_good: bool = False) -> Reloaded:
        """Put the policy in force. Raises Refused with every problem; `last_good` goes on with the last good copy."""
        try:
            return self._adopt(*self._made(), "start")
        except Refused as error:
            self._tell_refused(error, "start")
            copy = self._kept_copy() if last_good else None
            if copy is None:
                raise
        return self._adopt(*self._made(copy), "start")

    def reload(self, cause: Cause) -> Reloaded | Kept:
        """Read everything again and put it in force, or keep what is. Blocks while it reads."""
        try:
            return self._adopt(*self._made(), cause)
        except Refused as error:
            return self._kept(error, cause)

    async def reload_aside(self, cause: Cause) -> Reloaded | Kept:
        """As `reload`, reading and compiling in a thread: requests go on meanwhile. One reload runs at a time."""
        async with self._turn:
            try:
                candidate, notices = await asyncio.to_thread(self._made)
            except Refused as error:
                return self._kept(error, cause)
            return self._adopt(candidate, notices, cause)

    def look_at_ages(self) -> tuple[str, ...]:
        """Record lists in force that have become too old since they were loaded, each once; what is to be said of them.

        Raises AuditUnavailable; then they are news the next time.
        """
        lists, now = self._lists, self._clock()
        old = {} if lists is None else lists.grown_old(now)
        if lists is None or not old:
            return ()
        for each in old.values():
            self._record(self._list_record(each, now, "age"))
        self._lists = replace(lists, lists={**lists.lists, **old})
        return tuple(str(notice) for each in old.values() for notice in each.told(each.stale))

    def _made(self, text: bytes | None = None) -> tuple[Candidate, tuple[str, ...]]:
        """What could take over, with a copy of it kept, and what should be known of both. Raises Refused."""
        candidate = prepare(self._source, self._clock(), self._lists, text)
        if self._counters.ledger is None:
            _counted_here(candidate)
        return candidate, (*candidate.notices, *self._keep(candidate.text))

    def _adopt(self, candidate: Candidate, notices: tuple[str, ...], cause: Cause) -> Reloaded:
        """Record, then swap: what decides has been written down before it decides anything."""
        policy, before = candidate.policy, self._gate
        specs = [limit.spec for limit in policy.limits]
        limits = self._counters.table(specs) if before is None else before.limits.carried_into(specs)
        now = self._clock()
        for loaded in candidate.lists.lists.values():
            self._record(self._list_record(loaded, now, cause))
        self._record(
            policy_record(
                outcome="loaded",
                listener=self._listener,
                file=str(self._source.file),
                name=policy.name,
                digest=policy.digest,
                problems=notices,
                now=now,
                cause=cause,
            )
        )
        gate = Gate(policy, limits, self._counters.ledger)
        self._gate, self._lists, self._needs = gate, candidate.lists, candidate.needs
        self.loaded, self.refused, self.took, self.users = now, (), candidate.took, candidate.users
        return Reloaded(policy.digest, notices)

    def _list_record(self, loaded: LoadedList, now: float, cause: Cause) -> Record:
        content = loaded.content
        return list_record(
            outcome="kept" if loaded.fell_back else "stale" if loaded.stale else "loaded",
            listener=self._listener,
            name=loaded.document.name,
            entries=None if content is None else content.entries,
            digest=None if content is None else content.digest,
            problems=loaded.remarks + loaded.stale,
            now=now,
            cause=cause,
        )

    def _tell_refused_lists(self, problems: tuple[Problem, ...], now: float, cause: Cause) -> None:
        """A list that cannot be used has problems at its own place, and takes its policy with it."""
        names = dict.fromkeys(found[1] for each in problems if (found := _OF_A_LIST.fullmatch(each.path)) is not None)
        for name in names:
            refused = list_record(
                outcome="refused",
                listener=self._listener,
                name=name,
                entries=None,
                digest=None,
                problems=[str(each) for each in problems if each.path == f"lists.{name}"],
                now=now,
                cause=cause,
            )
            self._record(refused)

    def _kept(self, error: Refused, cause: Cause) -> Kept:
        self._tell_refused(error, cause)
        self.refused = error.problems
        return Kept(error.problems)

    def _tell_refused(self, refused: Refused, cause: Cause) -> None:
        self._needs = refused.needs
        policy, now = None if self._gate is None else self._gate.policy, self._clock()
        self._tell_refused_lists(refused.problems, now, cause)
        self._record(
            policy_record(
                outcome="refused",
                listener=self._listener,
                file=str(self._source.file),
                name=None if policy is None else policy.name,
                digest=None if policy is None else policy.digest,
                problems=[str(problem) for problem in refused.problems],
                now=now,
                cause=cause,
            )
        )

    def _keep(self, text: bytes) -> tuple[str, ...]:
        """Keep a copy of a good policy; that it could not be kept is worth a notice, not a refusal."""
        try:
            keep_copy(self._copy, text)
        except OSError as error:
            why = (error.strerror or "it cannot be written").lower()
            return (f"no copy of the policy was kept in `{self._copy}`: {why}",)
        return ()

    def _kept_copy(self) -> bytes | None:
        try:
            return self._copy.read_bytes()
        except OSError:
            return None


def _counted_here(candidate: Candidate) -> None:
    """Without a store no limit can be counted by several gateways. Raises Refused."""
    problems = []
    for limit in candidate.policy.limits:
        if limit.cluster:
            file, line = (limit.place or "policy:1").rsplit(":", 1)
            sentence = (
                f"limit `{limit.id}` has the scope `cluster`, and the configuration names no store: "
                "add `limits_store`, or leave `scope` out"
            )
            problems.append(Problem(Place(file, int(line), 1), "limits", sentence))
    if problems:
        raise Refused(problems, candidate.needs)
