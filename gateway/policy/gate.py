"""The decision point: facts in, decision out. The combining rule is stated here and lives nowhere else.

1. A deny (guardrail or rule) stands if it matches and no active exception that names it matches.
2. If a deny stands, the verdict is DENY. Else, if the policy denies by default and no allow matches, it is DENY.
3. Else the limits that count the request are charged; if one refuses, the verdict is DENY. Nothing is charged for a
   request that is denied anyway.
4. Else it is ALLOW, and its obligations are part of it.

A fact that is not known counts as matching for a deny and a limit, and as not matching for an allow and an exception.
Before the last word on a request only what is certain is said: a deny that matches whatever is learnt later, and
that no exception can lift any more. So an early decision equals the full one. At the last word only the answer is
still open, and whether a body that states no length grows too large; rules that ask for it are judged again then.

Which of several denies is named never depends on the order of a file: what matched for certain comes before what was
counted for want of a fact; then guardrails, built-in ones first; then rules; each by id.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from gateway.policy.charging import charge
from gateway.policy.dues import Due
from gateway.policy.findings import hit_of, unknown_facts
from gateway.policy.fired import Fired
from gateway.policy.matchers.address import leads_astray
from gateway.policy.model import (
    ABSENT,
    UNKNOWN,
    Decision,
    Facts,
    Missing,
    Pending,
    Reason,
    Shadow,
    Treatment,
    Verdict,
    Waived,
)
from gateway.policy.obligations import obligations
from gateway.policy.tunnels import RAW_TUNNEL, UNREAD, unread

if TYPE_CHECKING:
    from gateway.policy.compiled import Clause, CompiledException, CompiledPolicy, CompiledRule
    from gateway.policy.dues import Ledger
    from gateway.policy.kleene import Matcher, Truth
    from gateway.policy.limits import LimitOutcome, Limits


class _Moment(Enum):
    """When the gate is asked, which says what may still be learnt."""

    EARLY = "early"
    """Everything unknown may still be learnt."""
    LAST = "last"
    """Only the answer, and the size of a body that states no length."""
    ANSWER = "answer"
    """Only such a size."""
    TUNNEL = "tunnel"
    """Nothing at all."""
    STREAM = "stream"
    """As LAST; sizes say what has passed so far."""


class _Weight(Enum):
    """What a deny weighs at a moment."""

    NONE = "none"
    OPEN = "open"
    COUNTED = "counted"
    """It counts because a fact is unknown."""
    CERTAIN = "certain"


@dataclass(slots=True)
class _Tally:
    """What the rules say, before it is combined."""

    matched: list[CompiledRule] = field(default_factory=list)
    denies: list[tuple[bool, tuple[int, str], CompiledRule]] = field(default_factory=list)
    allows: list[CompiledRule] = field(default_factory=list)
    doubtful: list[CompiledRule] = field(default_factory=list)
    waived: list[Waived] = field(default_factory=list)
    shadow: list[Shadow] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    is_unsure: bool = False
    """A rule on trial may match, once more is known."""

    @property
    def is_clear(self) -> bool:
        """Whether no rule has matched, nor may match for all that is known."""
        met = self.matched or self.denies or self.allows or self.doubtful or self.shadow or self.open
        return not met and not self.is_unsure


class Gate:
    """Judges the requests of one policy. Pure but for `limits`, whose counters `upstream` and `tunnel` charge.

    With a `ledger`, limits of the scope `cluster` are not charged here: an allow is then `due` to be charged there.
    """

    __slots__ = ("_here", "fired", "ledger", "limits", "policy")

    def __init__(self, policy: CompiledPolicy, limits: Limits, ledger: Ledger | None = None) -> None:
        self.policy, self.limits, self.fired = policy, limits, Fired()
        self.ledger = ledger if any(limit.cluster for limit in policy.limits) else None
        self._here = tuple(limit for limit in policy.limits if self.ledger is None or not limit.cluster)

    def connection(self, facts: Facts) -> Decision | Pending:
        """A client connected: its address is known."""
        return self._early(facts)

    def connect(self, facts: Facts) -> Decision | Pending:
        """A client asks for a tunnel: host, port and user are known, the request inside is not."""
        return self._early(facts)

    def hello(self, facts: Facts) -> Decision | Pending:
        """TLS begins in a tunnel or on a listener: its name and version are known."""
        return self._early(facts)

    def treatment(self, facts: Facts) -> Treatment:
        """Whether a TLS connection is inspected. It is spliced only if that is certain and the names agree."""
        name = facts.tls_sni
        if (name is not ABSENT) if isinstance(name, Missing) else (name != facts.host):
            return Treatment(inspect=True)
        for rule, matches in self.policy.tls.splices:
            if matches(facts) is True:
                return Treatment(inspect=False, rule=rule)
        return Treatment(inspect=self.policy.tls.inspect(facts) is not False)

    def request(self, facts: Facts) -> Decision | Pending:
        """The head of a request is known; where it would be sent is not."""
        return self._early(facts)

    def upstream(self, facts: Facts, early: Decision | Pending | None = None) -> Decision:
        """The last word before a byte is forwarded. Charges the limits; an allow carries its obligations.

        `early` is what `request` said of these facts when fewer were known. Was it clear of every rule, no rule is
        asked again: a condition that is false for certain stays false whatever is learnt, but for an address literal
        that leads to another address.
        """
        is_clear = isinstance(early, Pending) and early.is_clear and not leads_astray(facts)
        tally = _Tally() if is_clear else self._tally(facts, _Moment.LAST)
        if tally.denies or self._nothing_allows(tally):
            return self._denied(tally, facts)
        return self._charging(tally, facts)

    def elsewhere(self, facts: Facts) -> Decision:
        """A request that was let through goes to another server: what `upstream` would say there. Charges nothing."""
        return self._last(facts, _Moment.LAST)

    def tunnel(self, facts: Facts) -> Decision:
        """The last word on a tunnel that is passed on unread: what is unknown stays unknown. Charges the limits.

        TLS that is not inspected (`tls.inspected` is False) has the scheme `https`. A tunnel of which nobody knows that
        it holds TLS is allowed by nothing but a rule that names `protocol: [tcp]`.
        """
        facts, raw = unread(facts)
        tally = self._tally(facts, _Moment.TUNNEL)
        denied = self._tunnel_denied(tally, facts, raw=raw)
        return self._charging(tally, facts) if denied is None else denied

    def _tunnel_denied(self, tally: _Tally, facts: Facts, *, raw: bool) -> Decision | None:
        """Why a tunnel may not be passed on unread; where only some rules may allow it, the tally keeps only these."""
        if raw:
            tally.allows = [rule for rule in tally.allows if rule.names_tcp]
        if tally.denies or (not raw and self._nothing_allows(tally)):
            return self._denied(tally, facts)
        if raw and not tally.allows:
            return self._decision(tally, Verdict.DENY, Reason.PROTOCOL_REFUSED, message=RAW_TUNNEL)
        return None

    def standing(self, facts: Facts) -> Decision:
        """A tunnel that was let through earlier and is still open, as `tunnel` would judge it now. Charges nothing.

        TLS that is to be inspected cannot go on unread.
        """
        facts, raw = unread(facts)
        tally = self._tally(facts, _Moment.TUNNEL)
        denied = self._tunnel_denied(tally, facts, raw=raw)
        if denied is None and not raw and self.treatment(replace(facts, tls_inspected=UNKNOWN)).inspect:
            return self._decision(tally, Verdict.DENY, Reason.PROTOCOL_REFUSED, message=UNREAD)
        return self._allowed(tally, facts) if denied is None else denied

    def size(self, facts: Facts) -> Decision:
        """A body that states no length passed a size: `request_size` or `response_size` is what has passed so far.

        Denies what has become too large. Charges nothing. Not for bodies that stated their length, whose size was
        judged with the head.
        """
        return self._last(facts, _Moment.STREAM)

    def response(self, facts: Facts) -> Decision:
        """The head of the answer is known. Denies only what it now knows; charges nothing; repeats the obligations.

        The `request_size` of a body that stated no length is what has passed by now: a rule about both sizes could not
        be judged otherwise.
        """
        return self._last(facts, _Moment.ANSWER)

    def _early(self, facts: Facts) -> Decision | Pending:
        tally = self._tally(facts, _Moment.EARLY)
        if tally.denies or self._nothing_can_allow(tally):
            return self._denied(tally, facts)
        return Pending(tuple(sorted(tally.open)), is_clear=tally.is_clear)

    def _last(self, facts: Facts, moment: _Moment) -> Decision:
        tally = self._tally(facts, moment)
        if tally.denies or self._nothing_allows(tally):
            return self._denied(tally, facts)
        return self._allowed(tally, facts)

    def _charging(self, tally: _Tally, facts: Facts) -> Decision:
        """Allow what no rule denies, unless a limit does."""
        if not self.policy.limits:
            return self._allowed(tally, facts)
        outcome, trials = charge(self._here, self.limits, facts)
        tally.shadow += trials
        if outcome.refused is not None:
            return self._limited(tally, outcome)
        try:
            due = None if self.ledger is None else Due.of(self.ledger, self.policy.limits, self.limits, facts)
            return self._allowed(tally, facts, limits=outcome.states, lease=outcome.lease, due=due)
        except BaseException:
            if outcome.lease is not None:
                outcome.lease.release()
            raise

    def _nothing_can_allow(self, tally: _Tally) -> bool:
        return self._nothing_allows(tally) and not tally.doubtful

    def _nothing_allows(self, tally: _Tally) -> bool:
        return not self.policy.allows_by_default and not tally.allows

    def _tally(self, facts: Facts, moment: _Moment) -> _Tally:
        tally = _Tally()
        nowhere = moment is _Moment.EARLY and facts.host is UNKNOWN
        if nowhere:
            tally.open += [rule.id for rule in self.policy.restraints.tied]
        for rule in self.policy.restraints.free if nowhere else self.policy.restraints.candidates(facts.host):
            truth = rule.clause.match(facts)
            weight = _Weight.NONE if truth is False else _weigh(rule, truth, facts, moment)
            if weight is not _Weight.NONE:
                _restrain(tally, rule, weight, facts, moment)
        for rule in self.policy.grants.candidates(facts.host):
            if nowhere and tally.doubtful:
                tally.open.append(rule.id)
            else:
                _grant(tally, rule, facts, moment)
        return tally

    def _denied(self, tally: _Tally, facts: Facts) -> Decision:
        if not tally.denies:
            missing = unknown_facts(tally.doubtful, facts)
            message, place = self.policy.default_reason, self.policy.default_place
            return self._decision(tally, Verdict.DENY, Reason.DEFAULT, message=message, place=place, unknown=missing)
        doubt, _, rule = min(tally.denies, key=lambda deny: deny[:2])
        return self._decision(
            tally,
            Verdict.DENY,
            Reason.GUARDRAIL if rule.guardrail else Reason.RULE_DENY,
            rule=rule.id,
            place=rule.place,
            message=rule.reason,
            unknown=unknown_facts((rule,), facts) if doubt else (),
            hit=hit_of(rule, facts),
        )

    def _limited(self, tally: _Tally, outcome: LimitOutcome) -> Decision:
        limit = next(limit for limit in self.policy.limits if limit.id == outcome.refused)
        return self._decision(
            tally,
            Verdict.DENY,
            outcome.reason or Reason.RATE_EXCEEDED,
            rule=limit.id,
            place=limit.place,
            retry_after=outcome.retry_after,
            limits=outcome.states,
        )

    def _allowed(self, tally: _Tally, facts: Facts, **held: Any) -> Decision:
        duties = obligations(self.policy, facts)
        if not tally.allows:
            held |= {"place": self.policy.default_place, "obligations": duties}
            return self._decision(tally, Verdict.ALLOW, Reason.ALLOWED_BY_DEFAULT, **held)
        rule = min(tally.allows, key=_rank)
        return self._decision(
            tally,
            Verdict.ALLOW,
            Reason.ALLOWED_BY_RULE,
            rule=rule.id,
            place=rule.place,
            message=rule.reason,
            obligations=duties,
            hit=hit_of(rule, facts),
            **held,
        )

    def _decision(self, tally: _Tally, verdict: Verdict, reason: Reason, **rest: Any) -> Decision:
        return Decision(
            verdict=verdict,
            reason=reason,
            matched=tuple([rule.id for rule in sorted(tally.matched, key=_rank)]) if tally.matched else (),
            waived=tuple(sorted(tally.waived, key=lambda waived: waived.rule)) if tally.waived else (),
            shadow=_shadows(tally),
            policy=self.policy.name,
            digest=self.policy.digest,
            **rest,
        )


def _weigh(rule: CompiledRule, truth: Truth, facts: Facts, moment: _Moment) -> _Weight:
    """The weight of a rule that matches (`truth`), or may."""
    clause = rule.clause
    if moment is _Moment.STREAM and clause.growing is not None:
        return _settle(rule, clause.growing(facts), facts)
    if truth is True:
        return _Weight.CERTAIN
    if moment is _Moment.EARLY:
        return _Weight.OPEN
    postponing = _postponing(clause, moment)
    return _Weight.COUNTED if postponing is None else _settle(rule, postponing(facts), facts)


def _postponing(clause: Clause, moment: _Moment) -> Matcher | None:
    """The reading in which only what may still be learnt is unknown; None where nothing may be."""
    match moment:
        case _Moment.LAST | _Moment.STREAM:
            return clause.standing
        case _Moment.ANSWER:
            return clause.answered
        case _:
            return None


def _settle(rule: CompiledRule, truth: Truth, facts: Facts) -> _Weight:
    """The weight in a reading in which only open facts are unknown."""
    if truth is not True:
        return _Weight.NONE if truth is False else _Weight.OPEN
    return _Weight.COUNTED if unknown_facts((rule,), facts) else _Weight.CERTAIN


def _restrain(tally: _Tally, rule: CompiledRule, weight: _Weight, facts: Facts, moment: _Moment) -> None:
    exception, may_be_lifted = _lifted(rule, facts, moment)
    if weight is not _Weight.OPEN and not rule.shadow:
        tally.matched.append(rule)
    if exception is not None:
        if weight is not _Weight.OPEN and not rule.shadow:
            tally.waived.append(Waived(rule.id, exception.id))
    elif weight is _Weight.OPEN or (may_be_lifted and moment is _Moment.EARLY):
        tally.open.append(rule.id)
    elif rule.shadow:
        tally.shadow.append(Shadow(rule.id, "deny"))
    else:
        tally.denies.append((weight is _Weight.COUNTED, rule.rank, rule))


def _lifted(rule: CompiledRule, facts: Facts, moment: _Moment) -> tuple[CompiledException | None, bool]:
    """The exception that lifts a deny, and whether one may yet turn out to."""
    possible = False
    for exception in rule.exceptions:
        if facts.now < exception.until:
            clause = exception.clause
            growing = clause.growing if moment is _Moment.STREAM else None
            truth = (growing or clause.match)(facts)
            if truth is True:
                return exception, False
            possible = possible or truth is None
    return None, possible


def _grant(tally: _Tally, rule: CompiledRule, facts: Facts, moment: _Moment) -> None:
    growing = rule.clause.growing if moment is _Moment.STREAM else None
    truth = (growing or rule.clause.match)(facts)
    if truth is False:
        return
    if rule.shadow:
        if truth is True:
            tally.shadow.append(Shadow(rule.id, "allow"))
        else:
            tally.is_unsure = True
    elif truth is True:
        tally.matched.append(rule)
        tally.allows.append(rule)
    else:
        tally.doubtful.append(rule)
        tally.open.append(rule.id)


def _shadows(tally: _Tally) -> tuple[Shadow, ...]:
    return tuple(sorted(tally.shadow, key=lambda shadow: shadow.rule)) if tally.shadow else ()


def _rank(rule: CompiledRule) -> tuple[int, str]:
    return rule.rank
