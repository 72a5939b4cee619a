from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from gateway.audit.export.cursors import CursorFile, Position
from gateway.audit.export.exporter import Exporter
from gateway.audit.export.forms import Former
from gateway.audit.export.receivers import Hopeless, NotTaken, TooMuch
from gateway.audit.export.rules import Choice
from gateway.audit.mappings.parts import Producer
from tests.unit.audit.export.logged import LOG, line, segment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gateway.audit.export.forms import Message
    from gateway.audit.export.health import Said


@dataclass
class Taking:
    """A receiver that takes, or raises what is next in `trouble`."""

    trouble: list[Exception | None] = field(default_factory=list)
    got: list[int] = field(default_factory=list)
    most: int = 1000
    word: str | None = None
    is_closed: bool = False

    def deliver(self, messages: Sequence[Message]) -> str | None:
        if len(messages) > self.most:
            raise TooMuch("it is too much")
        trouble = self.trouble.pop(0) if self.trouble else None
        if trouble is not None:
            raise trouble
        self.got += [each.seq for each in messages]
        return self.word

    def close(self) -> None:
        self.is_closed = True


@dataclass
class Stage:
    """An exporter of the log in a folder, which is told to end after some `pauses`."""

    folder: Path
    receiver: Taking = field(default_factory=Taking)
    choice: Choice = field(default_factory=Choice)
    pauses: int = 0
    log: str = LOG
    said: list[Said] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    @property
    def cursor(self) -> CursorFile:
        return CursorFile(self.folder / "cursors" / "siem.json")

    def wait(self, seconds: float) -> bool:
        if seconds:
            self.waited.append(seconds)
            self.meanwhile()
        return len(self.waited) >= self.pauses

    def run(self) -> Exporter:
        exporter = Exporter(
            *("siem", self.folder / "audit", self.cursor),
            Former("record", self.choice, Producer("1", self.log)),
            self.receiver,
            tell=self.said.append,
            wait=self.wait,
            clock=lambda: 1_795_428_007.123456,
            draw=lambda: 1.0,
        )
        exporter.run()
        return exporter

    @property
    def sentences(self) -> list[str]:
        return [said.sentence.removeprefix("audit: exporter `siem`: ") for said in self.said if said.sentence]


@pytest.fixture(name="stage")
def _stage(tmp_path: Path) -> Stage:
    (tmp_path / "audit").mkdir()
    return Stage(tmp_path)


def log_of(stage: Stage, *seqs: int) -> Path:
    """One more segment with these numbers."""
    return segment(stage.folder / "audit", map(line, seqs))


def test_what_is_there_is_sent_and_the_cursor_is_behind_it(stage: Stage) -> None:
    log_of(stage, 1, 2, 3)
    last = log_of(stage, 4, 5)

    health = stage.run().health()

    assert stage.receiver.got == [1, 2, 3, 4, 5]
    assert stage.cursor.load() == Position(LOG, 5, last.name.partition(".")[0])
    assert (health.state, health.seq, health.waiting, health.seconds, health.error) == ("sending", 5, 0, 0.0, None)
    assert (stage.sentences, stage.receiver.is_closed) == ([], True)


def test_the_next_one_goes_on_where_it_ended(stage: Stage) -> None:
    log_of(stage, 1, 2)
    stage.run()
    log_of(stage, 3)
    stage.run()

    assert stage.receiver.got == [1, 2, 3]


def test_what_is_not_chosen_moves_the_cursor_all_the_same(stage: Stage) -> None:
    stage.choice = Choice(verdict="deny")
    log_of(stage, 1, 2)
    stage.run()

    position = stage.cursor.load()
    assert position is not None
    assert (stage.receiver.got, position.seq) == ([], 2)


def test_what_is_not_taken_is_sent_again_after_pauses_that_grow_and_is_said_once(stage: Stage) -> None:
    log_of(stage, 1)
    stage.receiver.trouble = [NotTaken("refused"), NotTaken("refused"), NotTaken("busy", 9.0), NotTaken("refused")]
    stage.pauses = 5
    stage.run()

    assert stage.receiver.got == [1]
    assert stage.waited[:4] == [0.5, 1.0, 9.0, 4.0]
    assert stage.sentences == ["refused; records wait in the log until it works again", "records are sent again"]


def test_while_it_fails_it_holds_nothing_but_one_batch_and_says_what_waits(stage: Stage) -> None:
    log_of(stage, 1, 2)
    stage.receiver.trouble = [NotTaken("refused")] * 3
    stage.pauses = 3
    exporter = stage.run()

    health = exporter.health()
    assert (stage.receiver.got, stage.cursor.load()) == ([], None)
    assert (health.state, health.seq, health.waiting, health.seconds, health.error) == ("failing", 0, 2, 7.0, "refused")


def test_who_is_told_to_end_gives_up_at_the_first_failure(stage: Stage) -> None:
    log_of(stage, 1)
    stage.receiver.trouble = [NotTaken("refused")]
    stage.run()

    assert (stage.receiver.got, len(stage.waited)) == ([], 1)


def test_what_was_written_until_it_was_told_to_end_is_sent(stage: Stage) -> None:
    stage.pauses = 1
    stage.meanwhile = lambda: log_of(stage, 1, 2)
    stage.run()

    assert stage.receiver.got == [1, 2]


def test_no_hope_stops_it_and_keeps_the_cursor(stage: Stage) -> None:
    log_of(stage, 1)
    stage.receiver.trouble = [Hopeless("it answered 403")]
    stage.pauses = 100

    health = stage.run().health()

    assert (health.state, health.error, health.waiting) == ("stopped", "it answered 403", 1)
    assert stage.sentences == ["it answered 403; it has stopped until the next start, and goes on where it was"]
    assert (stage.waited, stage.cursor.load(), stage.receiver.is_closed) == ([], None, True)


def test_too_much_is_sent_in_halves(stage: Stage) -> None:
    log_of(stage, *range(1, 12))
    stage.receiver.most = 3
    stage.run()

    assert stage.receiver.got == list(range(1, 12))


def test_one_record_that_is_too_much_has_no_hope(stage: Stage) -> None:
    log_of(stage, 1)
    stage.receiver.most = 0

    assert stage.run().health().error == "it is too much, even with the one record 1"


def test_a_word_of_the_receiver_reaches_the_operator(stage: Stage) -> None:
    log_of(stage, 1)
    stage.receiver.word = "the collector threw away 1 records: 'old'"
    stage.run()

    assert stage.sentences == [stage.receiver.word]


def test_what_is_missing_is_said_and_counted(stage: Stage) -> None:
    log_of(stage, 1)
    stage.run()
    log_of(stage, 5, 6)

    health = stage.run().health()

    assert (stage.receiver.got, health.missing) == ([1, 5, 6], 3)
    assert [said.missing for said in stage.said] == [
        "exporter `siem`: up to 3 records before number 6 were gone before they were sent"
    ]


@pytest.mark.parametrize(
    ("sentence", "kept"),
    [
        ("this is another log than before", '{"log":"01OTHER","seq":2,"segment":""}'),
        ("cursors/siem.json` cannot be used (it is no cursor)", "{}"),
    ],
)
def test_a_cursor_that_does_not_fit_begins_anew(sentence: str, kept: str, stage: Stage) -> None:
    log_of(stage, 1, 2, 3)
    stage.cursor.path.parent.mkdir()
    stage.cursor.path.write_text(kept, encoding="ascii")
    stage.run()

    assert stage.receiver.got == [1, 2, 3]
    assert stage.sentences[0].endswith(f"{sentence}: all records are sent from the beginning")


def test_a_log_that_was_cut_back_goes_on_at_its_end(stage: Stage) -> None:
    log_of(stage, 1, 2)
    stage.cursor.save(Position(LOG, 9))
    stage.pauses, stage.meanwhile = 1, lambda: log_of(stage, 3)
    stage.run()

    assert stage.receiver.got == [3]
    assert stage.sentences == ["the log ends at record 2, and 9 were sent: it was cut back or an old copy"]


def test_a_cursor_that_cannot_be_saved_holds_up_nothing_and_is_said_once(stage: Stage) -> None:
    stage.cursor.path.parent.write_text("no folder", encoding="ascii")
    log_of(stage, 1, 2)
    stage.pauses, stage.meanwhile = 2, lambda: log_of(stage, 2 + len(stage.waited))
    health = stage.run().health()

    assert stage.receiver.got == [1, 2, 3, 4]
    assert health.state == "failing"
    assert stage.sentences[1:] == ["its cursor cannot be saved: file exists; the next start will send records again"]


def test_a_fault_of_its_own_is_told(stage: Stage) -> None:
    log_of(stage, 1)
    stage.receiver.trouble = [RuntimeError("oops")]
    health = stage.run().health()

    assert health.state == "stopped"
    assert str(health.error).startswith("it failed by itself: RuntimeError in export/test_exporter.py:")
    assert stage.receiver.is_closed
