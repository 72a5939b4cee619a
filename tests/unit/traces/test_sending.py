from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from gateway.audit.export.receivers import Hopeless, NotTaken, TooMuch
from gateway.traces.sending import BATCH, Sender
from tests.unit.traces.drawn import span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.traces.spans import Span

PATIENCE = 20.0


@dataclass
class Collecting:
    """A collector that has these troubles first; `most` is what it takes at once."""

    troubles: list[Exception] = field(default_factory=list)
    most: int = 10_000
    threw_away: int = 0
    taken: list[Span] = field(default_factory=list)
    asked: int = 0
    closed: bool = False
    went: threading.Event = field(default_factory=threading.Event)
    may_go: threading.Event | None = None

    def deliver(self, spans: Sequence[Span]) -> int:
        self.asked += 1
        self.went.set()
        if self.may_go is not None:
            assert self.may_go.wait(PATIENCE)
        if self.troubles:
            raise self.troubles.pop(0)
        if len(spans) > self.most:
            raise TooMuch("it is too large")
        self.taken += spans
        return self.threw_away

    def close(self) -> None:
        self.closed = True


def counts(sender: Sender) -> tuple[int, int, int]:
    return sender.tally.sent, sender.tally.dropped, sender.tally.refused


def sent_to(collector: Collecting, number: int = 3) -> Sender:
    """So many spans were put, and the sender was closed after that."""
    sender = Sender(lambda: collector, every=0.01)
    sender.start()
    sender.put(span(each) for each in range(1, number + 1))
    sender.close(PATIENCE)
    return sender


def test_what_was_put_is_sent_in_order_before_the_end() -> None:
    collector = Collecting()

    sender = sent_to(collector, 2 * BATCH + 1)

    assert [int(each.context.span, 16) for each in collector.taken] == list(range(1, 2 * BATCH + 2))
    assert counts(sender) == (2 * BATCH + 1, 0, 0)
    assert collector.closed


def test_what_does_not_fit_is_dropped_and_counted_and_nobody_waits() -> None:
    collector = Collecting(may_go=threading.Event())
    sender = Sender(lambda: collector, most=2, every=0.01)
    sender.start()

    sender.put([span(1)])
    assert collector.went.wait(PATIENCE)
    sender.put(span(each) for each in range(2, 10))
    assert collector.may_go is not None
    collector.may_go.set()
    sender.close(PATIENCE)

    assert [each.context.span[-1] for each in collector.taken] == ["1", "2"]
    assert counts(sender) == (2, 7, 0)


def test_what_is_put_after_the_end_is_dropped() -> None:
    sender = sent_to(Collecting())

    sender.put([span(9)])

    assert counts(sender) == (3, 1, 0)


def test_a_collector_that_comes_back_gets_everything_and_both_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    collector, sender = Collecting([NotTaken("it hung up")]), None

    sender = Sender(lambda: collector, every=0.01)
    sender.start()
    sender.put([span(1), span(2)])
    assert collector.went.wait(PATIENCE)
    while sender.tally.sent == 0:
        sender.put([])
    sender.close(PATIENCE)

    assert counts(sender) == (2, 0, 0)
    assert collector.asked == 2
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == [
        "traces: it hung up",
        "traces: the collector takes spans again",
    ]


def test_one_that_stays_away_costs_no_more_than_what_waits(caplog: pytest.LogCaptureFixture) -> None:
    collector = Collecting([NotTaken("it hung up")] * 1000)

    sender = sent_to(collector, 5)

    assert counts(sender) == (0, 5, 0)
    assert sum("it hung up" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize("trouble", [Hopeless("it answered 401"), ValueError("s3cret")])
def test_what_nobody_will_ever_take_is_counted_and_the_next_is_tried(trouble: Exception) -> None:
    collector = Collecting([trouble])

    sender = sent_to(collector, BATCH + 1)

    assert counts(sender) == (1, 0, BATCH)


def test_a_batch_that_is_too_large_is_sent_in_parts_and_one_that_stays_so_is_given_up() -> None:
    small, none = Collecting(most=2), Collecting(most=0)

    assert counts(sent_to(small, 8)) == (8, 0, 0)
    assert counts(sent_to(none, 2)) == (0, 0, 2)


def test_what_a_collector_threw_away_was_not_sent() -> None:
    assert counts(sent_to(Collecting(threw_away=2), 3)) == (1, 0, 2)


def test_one_that_never_answers_is_not_waited_for_at_the_end() -> None:
    collector = Collecting(may_go=threading.Event())
    sender = Sender(lambda: collector, every=0.01)
    sender.start()
    sender.put([span(1)])
    assert collector.went.wait(PATIENCE)

    sender.close(0.01)

    assert counts(sender) == (0, 1, 0)
    assert collector.may_go is not None
    collector.may_go.set()
