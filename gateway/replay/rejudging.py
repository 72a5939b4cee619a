"""What a policy would have said to a request on record. The gate that enforces says it; here is only what it can mean.

The gate is asked twice. What it allows although every hidden fact counts against the request, it would have allowed
whatever those were; what it denies although every hidden fact may still lift the denial, it would have denied. Between
the two nothing can be told, and the rules that are still open say for want of what. That is three-valued logic on whole
decisions; it tells less than could be told at times, and never more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateway.policy.analysis.requests import before_the_request, unread
from gateway.policy.charging import charge
from gateway.policy.checks import DESTINATION_FACTS
from gateway.policy.findings import value_of
from gateway.policy.gate import Gate
from gateway.policy.limits import LimitTable
from gateway.policy.model import (
    ABSENT,
    OPEN_FACTS,
    RESPONSE_FACTS,
    UNKNOWN,
    Decision,
    FactName,
    Missing,
    Mode,
    Pending,
    Reason,
    Verdict,
)
from gateway.replay.asking import fact_of_key
from gateway.replay.recall import Recalled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.policy.compiled import CompiledLimit, CompiledPolicy, CompiledRule
    from gateway.policy.limits import Lease
    from gateway.policy.model import Fact, Facts

_SILENT = frozenset({"HEAD"})
_BODILESS = frozenset({204, 304})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became, or would have become, of a request.

    `verdict` is None if it cannot be told, for want of the facts `missing`; `open` are the rules that ask for them.
    `is_named` says whether reason and rule are certain as well.
    """

    verdict: Verdict | None
    reason: str | None = None
    rule: str | None = None
    missing: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    is_named: bool = True

    @property
    def phrase(self) -> str:
        """In a few words: `deny by no-ads`."""
        if self.verdict is None:
            return "cannot tell"
        return f"{self.verdict.value} by {self.rule}" if self.rule else f"{self.verdict.value} ({self.reason})"


@dataclass(frozen=True, slots=True)
class Whole:
    """How an exchange ended: bytes of its bodies, status and kind of the answer, and whether there was one to judge."""

    up: int
    down: int
    status: int | None
    kind: Fact[str] = UNKNOWN
    answered: bool = True


class Rejudge:
    """Asks one policy about requests on record, in the order of the log. Only limits remember anything."""

    __slots__ = ("_asks", "_gate", "_late", "_policy", "_tables", "left_out")

    def __init__(self, policy: CompiledPolicy) -> None:
        self._policy = policy
        self._gate = Gate(replace(policy, limits=()), LimitTable())
        self._asks: frozenset[FactName] = frozenset().union(*map(_looked_at, policy.rules.values()))
        self._late: tuple[CompiledRule, ...] = tuple(
            rule for rule in policy.rules.values() if _looked_at(rule) & OPEN_FACTS and not rule.shadow
        )
        self._tables: dict[str, LimitTable] = {}
        self.left_out: dict[str, set[str]] = {}

    def by_rules(self, request: Recalled) -> Outcome:
        """What guardrails, rules and exceptions say before the request is sent."""
        if self._policy.mode is Mode.REVERSE or isinstance(request.facts.tls_inspected, Missing):
            return self._settled(request, self._last_word)
        return self._through_tls(request)

    def by_limits(self, request: Recalled, listener: str) -> tuple[Outcome | None, Lease | None]:
        """What the limits say to an allowed request: a denial, or None; and what it holds until it ends."""
        limits = [limit for limit in self._policy.limits if not self._cannot_count(limit, request)]
        if not limits:
            return None, None
        table = self._tables.setdefault(listener, LimitTable(self._policy.limit_specs))
        outcome, _ = charge(limits, table, request.facts)
        if outcome.refused is None:
            return None, outcome.lease
        reason = outcome.reason or Reason.RATE_EXCEEDED
        return Outcome(verdict=Verdict.DENY, reason=reason, rule=outcome.refused), None

    def by_answer(self, request: Recalled, end: Whole | None, kind: Fact[str] = UNKNOWN) -> Outcome | None:
        """What is said once a body has passed, and the answer: a denial, that it cannot be told, or None.

        `end` is how the exchange ended; None if nobody knows what would have passed, but perhaps of which `kind`.
        """
        facts, hidden = request.facts, request.hidden
        if end is None:
            facts, hidden = facts.learning(response_type=kind), hidden | OPEN_FACTS
        elif facts.request_size is UNKNOWN and not request.spliced:
            facts = facts.learning(request_size=end.up)
            if (said := self._gate.size(facts)).denied:
                return _certain(said)
        if request.spliced or (end is not None and not end.answered):
            return None
        if end is not None:
            is_silent = facts.method in _SILENT or end.status in _BODILESS
            size = UNKNOWN if is_silent else end.down
            facts = facts.learning(response_status=end.status, response_size=size, response_type=end.kind)
            hidden |= RESPONSE_FACTS
        if all(not rule.allows and rule.clause.match(facts) is False for rule in self._late):
            return None  # what was allowed stays so: nothing else looks at what is new
        outcome = self._answered(Recalled(facts=facts, hidden=hidden))
        return None if outcome.verdict is Verdict.ALLOW else outcome

    def _answered(self, request: Recalled) -> Outcome:
        """The last word on an answer; a size that nobody knows may be too large for what is allowed without it."""
        outcome = self._settled(request, self._gate.response)
        if outcome.verdict is not Verdict.ALLOW or not self._asks & OPEN_FACTS & _unknown(request):
            return outcome
        best = self._gate.request(request.facts)
        if isinstance(best, Pending):
            missing, opened = self._wanting(best.open, request.facts, request.hidden & OPEN_FACTS)
            if missing:
                return Outcome(verdict=None, missing=missing, open=opened)
        return outcome

    def _through_tls(self, request: Recalled) -> Outcome:
        """TLS in a tunnel: whether it is inspected is for this policy to say."""
        if self._policy.tls.always:
            return self._treated(request, inspect=True)
        facts, tls = _at_hello(request.facts), self._policy.tls
        truths = [matches(facts) for _, matches in tls.splices]
        is_open = None in truths or (True not in truths and tls.inspect(facts) is None)
        inspect = self._gate.treatment(facts).inspect
        as_told = self._treated(request, inspect=inspect)
        untold = _unknown(Recalled(facts=facts, hidden=request.hidden - _LATER)) if is_open else frozenset()
        if not untold:
            return as_told
        otherwise = self._treated(request, inspect=not inspect)
        if otherwise.verdict is as_told.verdict and as_told.verdict is not None:
            return replace(as_told, is_named=False)
        missing = {*as_told.missing, *otherwise.missing, *untold}
        return Outcome(verdict=None, missing=tuple(sorted(missing)), open=("tls",))

    def _treated(self, request: Recalled, *, inspect: bool) -> Outcome:
        facts, hidden = request.facts, request.hidden
        if facts.tls_inspected is not inspect:
            facts = facts.learning(tls_inspected=inspect)
        if not inspect:
            return self._settled(Recalled(facts=unread(facts), hidden=hidden - _INSIDE), self._passed_on)
        if request.spliced:
            facts = facts.learning(protocol=UNKNOWN, request_size=UNKNOWN)
            hidden |= _INSIDE
        return self._settled(Recalled(facts=facts, hidden=hidden), self._last_word)

    def _last_word(self, facts: Facts) -> Decision:
        if facts.protocol == "tcp":
            return self._passed_on(facts)
        last = self._gate.upstream(facts)
        return last if last.allowed else self._first_denial(facts, last)

    def _first_denial(self, facts: Facts, last: Decision) -> Decision:
        """What would have been said first: it may name another rule than the last word."""
        if (refused := before_the_request(self._gate, facts)) is not None:
            return refused
        unresolved = facts.learning(destination_ips=UNKNOWN, destination_country=UNKNOWN, destination_asn=UNKNOWN)
        early = self._gate.request(unresolved)
        return early if isinstance(early, Decision) else last

    def _passed_on(self, facts: Facts) -> Decision:
        last = self._gate.tunnel(facts)
        refused = None if last.allowed else before_the_request(self._gate, facts)
        return last if refused is None else refused

    def _settled(self, request: Recalled, ask: Callable[[Facts], Decision]) -> Outcome:
        """What holds whatever the hidden facts are. If nothing that is asked for is hidden, that is what is said."""
        facts = request.facts
        worst = ask(facts)
        if not any(value_of(facts, name) is UNKNOWN for name in request.hidden & self._asks):
            return _certain(worst)
        best = self._gate.request(_outside(facts))
        missing: tuple[str, ...] = ()
        opened: tuple[str, ...] = ()
        if isinstance(best, Pending):
            missing, opened = self._wanting(best.open, facts, request.hidden)
        if worst.allowed or isinstance(best, Decision) or not missing:
            return _certain(worst, is_named=not missing and not self._may_be_another(worst, request))
        return Outcome(verdict=None, missing=missing, open=opened)

    def _may_be_another(self, denied: Decision, request: Recalled) -> bool:
        """Whether another deny may have matched as well, and be the one that is named."""
        rule = self._policy.rules.get(denied.rule or "")
        if denied.allowed or rule is None:
            return False
        return any(
            other.rank < rule.rank and not other.shadow and other.clause.match(request.facts) is None
            for other in self._policy.restraints.candidates(request.facts.host)
            if other.clause.facts & request.hidden
        )

    def _wanting(
        self, names: Iterable[str], facts: Facts, hidden: frozenset[FactName]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The hidden facts that open rules look at, and those rules."""
        found: set[str] = set()
        opened: list[str] = []
        for name in names:
            rule = self._policy.rules[name]
            wanting = {fact for fact in _looked_at(rule) & hidden if value_of(facts, fact) is UNKNOWN}
            if wanting and not rule.shadow:
                found |= wanting
                opened.append(name)
        return tuple(sorted(found)), tuple(opened)

    def _cannot_count(self, limit: CompiledLimit, request: Recalled) -> bool:
        """Whether nobody can tell any more under what a limit counted a request, or that it did."""
        looked_at = limit.clause.facts | {fact_of_key(key) for key in limit.spec.key}
        wanting = {fact for fact in looked_at & request.hidden if value_of(request.facts, fact) is UNKNOWN}
        if wanting:
            self.left_out.setdefault(limit.id, set()).update(wanting)
        return bool(wanting)


_INSIDE = frozenset(
    {
        FactName.METHOD,
        FactName.PATH,
        FactName.QUERY,
        FactName.HEADER,
        FactName.REQUEST_SIZE,
        FactName.PROTOCOL,
    }
)
"""What is hidden of a tunnel that was passed on and would have been inspected."""
_LATER = _INSIDE | DESTINATION_FACTS | {FactName.SCHEME, FactName.TLS_INSPECTED}
"""What nobody knows when TLS begins."""


def _outside(facts: Facts) -> Facts:
    """A tunnel that is passed on unread as the gate takes it."""
    if facts.protocol != "tcp" or facts.scheme is not UNKNOWN or facts.tls_inspected is ABSENT:
        return facts
    return facts.learning(scheme="https")


def _at_hello(facts: Facts) -> Facts:
    """What was known when TLS began."""
    outside = unread(facts).learning(protocol=UNKNOWN, tls_inspected=UNKNOWN)
    return outside.learning(destination_ips=UNKNOWN, destination_country=UNKNOWN, destination_asn=UNKNOWN)


def _looked_at(rule: CompiledRule) -> frozenset[FactName]:
    return rule.clause.facts.union(*(exception.clause.facts for exception in rule.exceptions))


def _unknown(request: Recalled) -> frozenset[FactName]:
    """The hidden facts of a request that are not known after all."""
    return frozenset(name for name in request.hidden if value_of(request.facts, name) is UNKNOWN)


def _certain(decision: Decision, *, is_named: bool = True) -> Outcome:
    return Outcome(verdict=decision.verdict, reason=decision.reason, rule=decision.rule, is_named=is_named)
