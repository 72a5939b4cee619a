"""The cache as one question before a request and one after its answer. No I/O here, and no clock of its own.

Before: `look_up` says what to do: give a kept answer, ask the origin whether it still holds, or just ask the origin.
After: `answered` keeps what may be kept and drops what does not hold any more; `confirmed` takes in a 304.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from gateway.cache.reuse import Found, Use, use_after_error, use_of
from gateway.cache.status import CacheStatus, Forwarded
from gateway.cache.store import Kept
from gateway.cache.storing import kept_fields, why_not
from gateway.cache.validation import confirms, freshened, is_unchanged, outdated_by, questions
from gateway.policy.headers import Fields

if TYPE_CHECKING:
    from gateway.cache.messages import Answered, Asked
    from gateway.cache.tiers import Store
    from gateway.policy.headers import RawField

_LOOKED_UP: Final = frozenset({"GET", "HEAD"})
_NOT_MODIFIED: Final = 304
_CREDENTIALS: Final = frozenset({"authorization", "cookie"})


class Step(Enum):
    """What comes next for a request."""

    GIVE = auto()
    """Give the kept answer."""
    GIVE_AND_ASK = auto()
    """Give the kept answer, and ask the origin in the background whether it still holds."""
    UNCHANGED = auto()
    """Tell the client that it has the answer already (304)."""
    VALIDATE = auto()
    """Ask the origin whether the kept answer still holds, with `questions` added to the request."""
    FORWARD = auto()
    """Ask the origin; it is worth that others wait for its answer."""
    PASS = auto()
    """Ask the origin, for this client alone."""
    GIVE_UP = auto()
    """The client takes only what is kept, and nothing is: 504 (RFC 9111 section 5.2.1.7)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do for a request. `kept` is there where something is given or validated."""

    step: Step
    status: CacheStatus
    kept: Kept | None = None
    age: float = 0.0
    questions: tuple[RawField, ...] = ()


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache over a store."""

    store: Store

    async def bring(self, request: Asked) -> None:
        """Fetch what is kept elsewhere than in memory for a request, if something is, so that `look_up` finds it."""
        await self.store.bring(request)

    def look_up(self, request: Asked, now: float) -> Plan:
        """What to do for a request at this moment."""
        if request.method not in _LOOKED_UP:
            return Plan(Step.PASS, CacheStatus(forwarded="method"))
        if "no-store" in request.directives:
            return _asking(request, Step.PASS, "request")
        kept, wants_part = self.store.find(request), "range" in request.fields
        if kept is None:
            missing: Forwarded = "vary-miss" if self.store.knows(request.key) else "uri-miss"
            may_be_kept = request.method == "GET" and not wants_part
            return _asking(request, Step.FORWARD if may_be_kept else Step.PASS, missing)
        plan = _plan(request, kept, use_of(request, kept.answer, now), now)
        if wants_part and plan.step is Step.VALIDATE:
            return Plan(Step.PASS, plan.status)
        return plan

    def answered(self, request: Asked, answer: Answered) -> str | None:
        """Take in the head of the origin's answer: drop what it outdates; say why it is not to be kept, if so."""
        for key in outdated_by(request, answer):
            self.store.forget(key)
        return why_not(request, answer)

    def keep(self, request: Asked, answer: Answered, body: bytes) -> bool:
        """Keep an answer that may be kept, with its whole content; False if it is too large."""
        return self.store.keep(request, Kept(_without_connection(answer), body))

    def confirmed(self, request: Asked, kept: Kept, reply: Answered) -> Kept | None:
        """The kept answer as a 304 left it, kept again; None if the reply speaks of another one.

        What the 304 says to this client alone (a cookie, or anything said to credentials) is given to him alone: then
        the answer stays kept as it was, or not at all if nobody else may be given it any more.
        """
        if reply.status != _NOT_MODIFIED or not confirms(reply, kept.answer):
            return None
        renewed = Kept(_without_connection(freshened(kept.answer, reply)), kept.body)
        if why_not(_anonymous(request), renewed.answer) is not None:
            self.store.forget(request.key)
        elif why_not(replace(request, method="GET"), renewed.answer) is None:
            self.store.keep(request, renewed)
        return renewed

    def after_error(self, request: Asked, now: float) -> Kept | None:
        """A kept answer that may stand in for an origin that fails, or None."""
        kept = self.store.find(request)
        return kept if kept is not None and use_after_error(request, kept.answer, now) else None


def _plan(request: Asked, kept: Kept, found: Found, now: float) -> Plan:
    hit = CacheStatus(hit=True, left=found.left)
    if found.use is Use.ASK:
        why: Forwarded = "stale" if found.left <= 0 else "request"
        return Plan(Step.VALIDATE, CacheStatus(forwarded=why), kept, found.age, questions(kept.answer))
    if found.use is Use.FORBIDDEN:
        return Plan(Step.GIVE_UP, CacheStatus(detail="only-if-cached"))
    if found.use is Use.FRESH and is_unchanged(request, kept.answer, now):
        return Plan(Step.UNCHANGED, hit, kept, found.age)
    return Plan(Step.GIVE_AND_ASK if found.use is Use.MEANWHILE else Step.GIVE, hit, kept, found.age)


def _asking(request: Asked, step: Step, why: Forwarded) -> Plan:
    """Ask the origin, unless the client forbids it."""
    if "only-if-cached" in request.directives:
        return Plan(Step.GIVE_UP, CacheStatus(detail="only-if-cached"))
    return Plan(step, CacheStatus(forwarded=why))


def _anonymous(request: Asked) -> Asked:
    said = tuple(field for field in request.fields if field[0] not in _CREDENTIALS)
    return replace(request, method="GET", fields=Fields(said))


def _without_connection(answer: Answered) -> Answered:
    return type(answer)(answer.status, kept_fields(answer), answer.asked_at, answer.came_at)
