"""What came of an order, and of a question about a request."""

from __future__ import annotations

from typing import Literal

from gateway.admin.models.base import Answer, Count, Moment, Seconds
from gateway.admin.models.standing import Cause, Part  # noqa: TC001 - pydantic reads annotations while it runs


class Reloaded(Answer):
    """What came of reading everything again."""

    cause: Cause
    ended: Moment
    kept: Count
    """Parts that were refused."""
    parts: list[Part]


class ListUser(Answer):
    """A list of a listener."""

    listener: str
    name: str


class Fetched(Answer):
    """What came of one address."""

    url: str
    lists: list[ListUser]
    came: Literal["fetched", "unchanged", "failed"]
    why: str


class Refreshed(Reloaded):
    """What was fetched, and what came of reading it."""

    fetched: list[Fetched]


class Draining(Answer):
    """It is ending."""

    connections: Count
    seconds: Seconds


class Purged(Answer):
    """Kept answers that were dropped."""

    answers: Count


class Waived(Answer):
    """A rule that an exception lifts."""

    rule: str
    exception: str


class Tried(Answer):
    """A rule that is not in force yet, and what it would have done."""

    rule: str
    action: str


class Verdict(Answer):
    """What would be decided, in the words of the log."""

    verdict: Literal["allow", "deny"]
    reason: str
    rule: str | None
    place: str | None
    matched: list[str]
    waived: list[Waived]
    shadow: list[Tried]
    unknown: list[str]
    """Facts that were not known, and counted against the request."""


class PolicyName(Answer):
    """By which policy."""

    name: str | None
    digest: str


class Explained(Answer):
    """What would become of a request, and why."""

    listener: str
    policy: PolicyName
    decision: Verdict
    message: str | None
    """What the client would be told."""
    why: list[str]
