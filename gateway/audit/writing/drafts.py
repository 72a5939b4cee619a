"""A record whose words are still to be found: values that change no more, and two ways to say them.

Who decides hands a draft over and goes on; some of them are worded in one go. That takes a fraction of what it takes in
between two requests, where nothing of the code for it is at hand in the caches of a processor.

Accepting a draft promises as much as accepting a text: what may refuse to be written, as the name of a client whose key
cannot be read, is no draft. `size` is never less than what the text of a usual record takes, so that a queue is bounded
before its words are known; whatever a client can make long is counted with what escaping can make of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from gateway.audit.records.record import decision_record, end_record
from gateway.audit.writing.encoding import body
from gateway.policy.model import Missing

if TYPE_CHECKING:
    from typing import Literal

    from gateway.audit.records.record import Record
    from gateway.audit.writing.phrases import Phrases
    from gateway.audit.writing.wording import Wording
    from gateway.policy.addresses import Address
    from gateway.policy.model import Decision, Fact, Facts

_STEADY: Final = 4096
"""Bytes of a decision record that no client can add to."""
_ESCAPED: Final = 24
"""Bytes that one character of a query may become: its name, what masks its value, and the pointer that tells of it."""


class Draft(Protocol):
    """What the backlog asks of a draft."""

    @property
    def id(self) -> str:
        """The decision id."""

    @property
    def now(self) -> float:
        """When it was made, in seconds since the epoch."""

    @property
    def must(self) -> bool:
        """Whether it may not be left out under `deny_only` (`intake.must_be_recorded`)."""

    @property
    def kind(self) -> str:
        """Which of the `KINDS` the record is."""

    @property
    def size(self) -> int:
        """About how many bytes it takes, rather too many."""

    def text(self) -> bytes:
        """The text without its opening brace, the quick way. Only for who holds the lock of the backlog."""


class DecisionDraft(NamedTuple):
    """A decision record; see `Wording.decision` for what it says."""

    wording: Wording
    phrases: Phrases
    facts: Facts
    decision: Decision
    now: float
    id: str
    status: int | None = None
    dialled: Address | None = None
    parent: str | None = None
    sent: str | None = None
    answers: Literal["redirect", "response"] | None = None
    trace: str | None = None

    @property
    def must(self) -> bool:
        """An allow may be left out."""
        return self.decision.denied

    @property
    def kind(self) -> str:
        """Allows and denies are of two kinds."""
        return "deny" if self.decision.denied else "allow"

    @property
    def size(self) -> int:
        """Counts the target of the request and the sentence, which may quote the client."""
        target, said = self.facts.target, self.decision.message
        asked = 0 if isinstance(target, Missing) else len(target.raw)
        return _STEADY + _ESCAPED * asked + (0 if said is None else _ESCAPED * len(said))

    def text(self) -> bytes:
        """The text, by what the wording remembers."""
        return self.wording.decision(
            *(self.phrases, self.facts, self.decision, self.now),
            id=self.id,
            status=self.status,
            dialled=self.dialled,
            parent=self.parent,
            sent=self.sent,
            answers=self.answers,
            trace=self.trace,
        )

    def record(self) -> Record:
        """The dictionary. Raises AuditUnavailable if the client's name cannot be known."""
        about = replace(
            self.phrases.about,
            id=self.id,
            status=self.status,
            dialled=self.dialled,
            parent=self.parent,
            sent=self.sent,
            answers=self.answers,
            trace=self.trace,
        )
        return decision_record(self.facts, self.decision, about, self.now)


class EndDraft(NamedTuple):
    """The record of an exchange that ended as it should; see `Wording.end` for what it says."""

    wording: Wording
    now: float
    id: str
    status: int | None
    up: int
    down: int
    seconds: float
    reached: Address | None
    unverified: bool
    cache: str | None
    kind_of_answer: Fact[str]
    server: tuple[str | None, str] | None

    @property
    def must(self) -> bool:
        """No end has to be on record."""
        return False

    @property
    def kind(self) -> str:
        """An end is of a kind of its own."""
        return "end"

    @property
    def size(self) -> int:
        """No client and no server adds to it: what is no media type is masked."""
        return _STEADY

    def text(self) -> bytes:
        """The text, by what the wording remembers; the plain one if it has to be spelled in another way."""
        text = self.wording.end(
            self.now,
            id=self.id,
            status=self.status,
            up=self.up,
            down=self.down,
            seconds=self.seconds,
            reached=self.reached,
            unverified=self.unverified,
            cache=self.cache,
            kind=self.kind_of_answer,
            server=self.server,
        )
        return self.plainly() if text is None else text

    def plainly(self) -> bytes:
        """The text of the dictionary."""
        record = end_record(
            decision_id=self.id,
            status=self.status,
            up=self.up,
            down=self.down,
            seconds=self.seconds,
            now=self.now,
            reached=self.reached,
            unverified=self.unverified,
            cache=self.cache,
            kind=self.kind_of_answer,
        )
        if self.server is not None:
            upstream, server = self.server
            record["upstream"] = {"name": upstream, "server": server, "attempts": []}
        return body(record)
