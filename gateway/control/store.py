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
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.records.events import list_record, policy_record
from gateway.control.candidates import Source, prepare
from gateway.control.lastgood import keep_copy
from gateway.policy.gate import Gate
from gateway.policy.limits import LimitTable
from gateway.policy.problems import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gateway.audit.records.record import Record
    from gateway.config.settings import ListenerSettings
    from gateway.control.candidates import Candidate
    from gateway.lists.load import LoadedList, LoadedLists
    from gateway.policy.addresses import Address
    from gateway.policy.problems import Problem


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
    raises, and then nothing is replaced). The last good copy lies in `state/policy/<listener>/policy.yaml`.
    """

    def __init__(
        self,
        listener: ListenerSettings,
        state: Path,
        *,
        own: frozenset[tuple[Address, int]],
        clock: Callable[[], float],
        record: Callable[[Record], object],
    ) -> None:
        self._listener = listener.name
        self._source = Source(
            file=listener.policy,
            mode=listener.mode,
            own=own,
            kept_lists=state / "lists" / listener.name,
        )
        self._copy = state / "policy" / listener.name / "policy.yaml"
        self._clock = clock
        self._record = record
        self._gate: Gate | None = None
        self._lists: LoadedLists | None = None
        self._turn = asyncio.Lock()
        self.took = 0.0
        """How long what is in force took to be read and compiled, in seconds."""

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

    def start(self, *, last_good: bool = False) -> Reloaded:
        """Put the policy in force. Raises Invalid with every problem; `last_good` goes on with the last good copy."""
        try:
            return self._adopt(prepare(self._source, self._clock(), self._lists))
        except Invalid as error:
            self._tell_refused(error.problems)
            copy = self._kept_copy() if last_good else None
            if copy is None:
                raise
        return self._adopt(prepare(self._source, self._clock(), self._lists, copy))

    def reload(self) -> Reloaded | Kept:
        """Read everything again and put it in force, or keep what is. Blocks while it reads."""
        try:
            return self._adopt(prepare(self._source, self._clock(), self._lists))
        except Invalid as error:
            return self._kept(error)

    async def reload_aside(self) -> Reloaded | Kept:
        """As `reload`, reading and compiling in a thread: requests go on meanwhile. One reload runs at a time."""
        async with self._turn:
            try:
                candidate = await asyncio.to_thread(prepare, self._source, self._clock(), self._lists)
            except Invalid as error:
                return self._kept(error)
            return self._adopt(candidate)

    def _adopt(self, candidate: Candidate) -> Reloaded:
        """Record, then swap: what decides has been written down before it decides anything."""
        policy, before = candidate.policy, self._gate
        specs = [limit.spec for limit in policy.limits]
        limits = LimitTable(specs) if before is None else before.limits.carried_into(specs)
        notices = (*candidate.notices, *self._keep(candidate.text))
        now = self._clock()
        for loaded in candidate.lists.lists.values():
            self._record(self._list_record(loaded, now))
        self._record(
            policy_record(
                outcome="loaded",
                listener=self._listener,
                file=str(self._source.file),
                name=policy.name,
                digest=policy.digest,
                problems=notices,
                now=now,
            )
        )
        self._gate, self._lists = Gate(policy, limits), candidate.lists
        self.took = candidate.took
        return Reloaded(policy.digest, notices)

    def _list_record(self, loaded: LoadedList, now: float) -> Record:
        content = loaded.content
        return list_record(
            outcome="kept" if loaded.fell_back else "stale" if loaded.stale else "loaded",
            listener=self._listener,
            name=loaded.document.name,
            entries=None if content is None else content.entries,
            digest=None if content is None else content.digest,
            problems=loaded.remarks + loaded.stale,
            now=now,
        )

    def _tell_refused_lists(self, problems: tuple[Problem, ...], now: float) -> None:
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
            )
            self._record(refused)

    def _kept(self, error: Invalid) -> Kept:
        self._tell_refused(error.problems)
        return Kept(error.problems)

    def _tell_refused(self, problems: tuple[Problem, ...]) -> None:
        policy, now = None if self._gate is None else self._gate.policy, self._clock()
        self._tell_refused_lists(problems, now)
        self._record(
            policy_record(
                outcome="refused",
                listener=self._listener,
                file=str(self._source.file),
                name=None if policy is None else policy.name,
                digest=None if policy is None else policy.digest,
                problems=[str(problem) for problem in problems],
                now=now,
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
