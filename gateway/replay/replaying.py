"""The walk through a log: every request on record, re-decided at its time, joined with how it ended.

Records that no policy decided (a malformed request, a name that does not resolve, a full disk) are left out and counted
by their reason. A request that was decided under this very policy is decided the same way again, whatever the log does
not hold of it, and is not asked again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gateway.policy.checks import DESTINATION_FACTS
from gateway.policy.model import ABSENT, UNKNOWN, Reason, Verdict
from gateway.replay.grouping import BY_LIMITS, Groups
from gateway.replay.recall import Recalled, kind_of, moment_of, recall
from gateway.replay.rejudging import Outcome, Rejudge, Whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gateway.policy.addresses import Address
    from gateway.policy.compiled import CompiledPolicy
    from gateway.policy.limits import Lease
    from gateway.policy.model import Fact
    from gateway.replay.asking import Asked

type Record = dict[str, Any]
type Locate = Callable[[Sequence[tuple[str, str]], Sequence[Address]], tuple[Fact[str], Fact[int]]]
"""Country and autonomous system of addresses, by the databases of a policy as they are now."""

BY_POLICY: Final = BY_LIMITS | {
    Reason.ALLOWED_BY_RULE,
    Reason.ALLOWED_BY_DEFAULT,
    Reason.GUARDRAIL,
    Reason.RULE_DENY,
    Reason.DEFAULT,
}
"""Reasons that a policy gives; all others are the gateway's own."""

_REMEMBERED: Final = 20_000
_NO_SERVER: Final = ("upstream-", "parent-")


@dataclass(slots=True)
class Replayed:
    """What came out. `left_out` counts what no policy decided, `unsaid` names limits that could not be replayed."""

    groups: Groups = field(default_factory=Groups)
    requests: int = 0
    under_it: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    listeners: Counter[str] = field(default_factory=Counter)
    unsaid: dict[str, set[str]] = field(default_factory=dict)
    unfinished: int = 0
    first: str | None = None
    last: str | None = None


@dataclass(slots=True)
class _Open:
    """A request that was decided and has not ended yet."""

    record: Record
    request: Recalled | None
    before: Outcome
    after: Outcome
    lease: Lease | None


class Replay:
    """Takes records in the order of the log; `result` tells what came out, when all were given."""

    def __init__(self, policy: CompiledPolicy, asked: Asked, locate: Locate, *, trusting: bool = True) -> None:
        """`trusting`: what was decided under a policy of the same digest is not decided again."""
        self._policy: Final = policy
        self._asked: Final = asked
        self._locate: Final = locate
        self._trusting: Final = trusting
        self._rejudge: Final = Rejudge(policy)
        self._known: dict[tuple[object, ...], tuple[Recalled, Outcome]] = {}
        self._open: dict[str, _Open] = {}
        self._result: Final = Replayed()
        self._needs_end: Final = policy.needs_response or bool(policy.size_bounds)

    def take(self, records: Iterable[Record]) -> None:
        """Go on with these records; what is neither a decision nor an end says nothing here."""
        for record in records:
            if record["event"] == "decision":
                self._decision(record)
            elif record["event"] == "end":
                self._end(record)

    def result(self) -> Replayed:
        """What came out. Exchanges of which no end is on record are judged as far as they went."""
        for each in tuple(self._open.values()):
            self._result.unfinished += 1
            self._finish(each, None)
        self._open.clear()
        self._result.unsaid = self._rejudge.left_out
        return self._result

    def _decision(self, record: Record) -> None:
        said, result = record["decision"], self._result
        if said["reason"] not in BY_POLICY:
            result.left_out[said["reason"]] += 1
            return
        result.requests += 1
        result.first = result.first or record["time"]
        result.last = record["time"]
        result.listeners[record["listener"]] += 1
        before = _recorded(said)
        if self._trusting and record["policy"]["digest"] == self._policy.digest:
            result.under_it += 1
            result.groups.same += 1
            return
        request, after = self._decided(record)
        lease = None
        if after.verdict is Verdict.ALLOW and self._policy.limits:
            refused, lease = self._rejudge.by_limits(request, record["listener"])
            after = after if refused is None else refused
        opened = _Open(record, request, before, after, lease)
        if before.verdict is Verdict.DENY and lease is None and not self._needs_end:
            self._tell(opened)
        else:
            self._open[record["id"]] = opened

    def _decided(self, record: Record) -> tuple[Recalled, Outcome]:
        now = moment_of(record)
        question = self._asked.question(record, now)
        known = self._known.get(question)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            request = self._located(recall(record, self._asked, now))
            self._known[question] = known = request, self._rejudge.by_rules(request)
            return known
        request, outcome = known
        if not self._policy.limits:
            return known
        return Recalled(facts=request.facts.learning(now=now), hidden=request.hidden, spliced=request.spliced), outcome

    def _located(self, request: Recalled) -> Recalled:
        """The request with where its destination is, by the databases of this policy."""
        addresses = request.facts.destination_ips
        if not self._policy.databases or not isinstance(addresses, tuple):
            return request
        country, asn = self._locate(self._policy.databases, addresses)
        facts = request.facts.learning(destination_country=country, destination_asn=asn)
        return Recalled(facts=facts, hidden=request.hidden - DESTINATION_FACTS, spliced=request.spliced)

    def _end(self, record: Record) -> None:
        opened = self._open.pop(record["id"], None)
        if opened is not None:
            self._finish(opened, record)

    def _finish(self, opened: _Open, end: Record | None) -> None:
        if opened.lease is not None:
            opened.lease.release()
        later = None if end is None else end.get("decision")
        if later is not None and later["reason"] in BY_POLICY:
            opened.before = _recorded(later)
        was_denied = opened.record["decision"]["verdict"] == "deny"
        if opened.after.verdict is Verdict.ALLOW and opened.request is not None and self._needs_end:
            whole = None if end is None or was_denied or later is not None else whole_of(end)
            kind = UNKNOWN if end is None else kind_of(end)
            opened.after = self._rejudge.by_answer(opened.request, whole, kind) or opened.after
        self._tell(opened)

    def _tell(self, opened: _Open) -> None:
        record = opened.record
        host, client = record["request"]["host"] or "(not known)", record["client"]["ip"] or "(not known)"
        self._result.groups.add(opened.before, opened.after, host=host, client=client, example=record["id"])


def nowhere(_databases: Sequence[tuple[str, str]], _addresses: Sequence[Address]) -> tuple[Fact[str], Fact[int]]:
    """Locate nothing: for policies without a database."""
    return ABSENT, ABSENT


def _recorded(said: Record) -> Outcome:
    return Outcome(verdict=Verdict(said["verdict"]), reason=said["reason"], rule=said["rule"])


def whole_of(end: Record) -> Whole | None:
    """How an exchange ended that was let through; None if it was broken off, so that the rest is not known.

    Where no server answered there is nothing to judge.
    """
    up, down, reason = end["bytes"]["up"], end["bytes"]["down"], end["reason"]
    if reason is not None:
        return Whole(up, down, None, answered=False) if reason.startswith(_NO_SERVER) else None
    return Whole(up, down, end["status"], kind_of(end))
