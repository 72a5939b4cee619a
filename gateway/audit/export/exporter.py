"""One exporter: it reads the log behind its cursor, sends what was chosen, and moves the cursor when that was taken.

It holds one batch and nothing else: what a receiver does not take waits in the segments. When the exporter is told to
end it sends what the log holds at that moment, and gives up at the first failure.

Source of the pauses between tries: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from gateway.audit.export.cursors import Position
from gateway.audit.export.feed import End, Feed
from gateway.audit.export.health import Health, Said
from gateway.audit.export.receivers import Hopeless, NotTaken, TooMuch, fault
from gateway.audit.writing.errors import words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gateway.audit.export.cursors import CursorFile
    from gateway.audit.export.feed import Batch
    from gateway.audit.export.forms import Former, Message
    from gateway.audit.export.health import State
    from gateway.audit.export.receivers import Receiver

    type Wait = Callable[[float], bool]
    """Waits so many seconds, or until it is time to end, and says whether it is."""

_LOOK: Final = 0.25
"""Seconds between two looks at a log that has nothing new."""
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0


class Exporter:
    """Runs on a thread of its own; `health` may be asked for on any other."""

    def __init__(  # noqa: PLR0913 - the seams of a thing that touches clock, chance, disk and network
        self,
        name: str,
        directory: Path,
        cursor: CursorFile,
        former: Former,
        receiver: Receiver,
        *,
        tell: Callable[[Said], None],
        wait: Wait,
        clock: Callable[[], float],
        draw: Callable[[], float],
    ) -> None:
        self._name: Final = name
        self._directory: Final = directory
        self._log: Final = former.producer.log
        self._cursor: Final = cursor
        self._former: Final = former
        self._receiver: Final = receiver
        self._tell: Final = tell
        self._wait: Final = wait
        self._clock: Final = clock
        self._draw: Final = draw
        self._end: Final = End(directory)
        self._state: State = "starting"
        self._error: str | None = None
        self._missing = 0
        self._oldest: float | None = None
        self._position = self._saved = Position(self._log)

    def run(self) -> None:
        """Send until it is time to end, or there is no hope."""
        try:
            self._position = self._saved = self._found()
            self._run()
        except Exception as error:  # noqa: BLE001 - one exporter's fault is not another's, and is told
            self._stop(f"it failed by itself: {fault(error)}")
        finally:
            self._receiver.close()

    def health(self) -> Health:
        """How it is now."""
        try:
            end = self._end.seq()
        except OSError:
            end = 0
        oldest = self._oldest
        return Health(
            name=self._name,
            state=self._state,
            seq=self._position.seq,
            waiting=max(0, end - self._position.seq),
            seconds=0.0 if oldest is None else max(0.0, round(self._clock() - oldest, 3)),
            missing=self._missing,
            error=self._error,
        )

    def _run(self) -> None:
        feed = Feed(self._directory, self._position)
        tries = 0
        try:
            while True:
                is_last = self._wait(0.0)
                try:
                    batch = feed.next()
                except OSError as error:
                    feed.close()
                    self._fail(f"the log cannot be read: {words(error)}")
                    feed, tries = Feed(self._directory, self._position), tries + 1
                    if self._wait(self._pause(tries, 0.0)):
                        return
                    continue
                tries = 0
                if not self._passed(batch):
                    return
                if batch.after != self._position:
                    self._move(batch)
                elif is_last:
                    return
                else:
                    self._wait(_LOOK)
                self._save()
        finally:
            feed.close()

    def _found(self) -> Position:
        """Where to go on. A cursor for another log, or for more than this one holds, does not fit."""
        beginning, problem = Position(self._log), None
        try:
            saved = self._cursor.load()
        except (OSError, ValueError) as error:
            saved, problem = None, f"its cursor `{self._cursor.path}` cannot be used ({error})"
        if saved is not None and saved.log != self._log:
            saved, problem = None, "this is another log than before"
        if problem is not None:
            self._say(f"{problem}: all records are sent from the beginning")
        if saved is None:
            return beginning
        if saved.seq > (end := self._end.seq()):
            self._say(f"the log ends at record {end}, and {saved.seq} were sent: it was cut back or an old copy")
            return replace(beginning, seq=end)
        return saved

    def _passed(self, batch: Batch) -> bool:
        """Send what a batch holds; False if it is time to end before that is done."""
        unsaid: list[int] = []
        messages = self._former.messages(batch.lines, unsaid.append)
        if unsaid:
            self._miss(len(unsaid), f"{len(unsaid)} records from number {unsaid[0]} on have no words in this format")
        if messages:
            self._oldest = _time_of(messages[0])
            if not self._delivered(messages):
                return False
            self._oldest = None
        return True

    def _delivered(self, messages: Sequence[Message]) -> bool:
        tries = 0
        while True:
            try:
                word = self._receiver.deliver(messages)
            except TooMuch as error:
                half = len(messages) // 2
                if not half:
                    return self._stop(f"{error}, even with the one record {messages[0].seq}")
                return self._delivered(messages[:half]) and self._delivered(messages[half:])
            except NotTaken as error:
                tries += 1
                self._fail(str(error))
                if self._wait(self._pause(tries, error.after)):
                    return False
            except Hopeless as error:
                return self._stop(str(error))
            else:
                if word is not None:
                    self._say(word)
                return True

    def _move(self, batch: Batch) -> None:
        """The records of a batch were taken."""
        if batch.missing:
            seq, count = batch.after.seq, batch.missing
            self._miss(count, f"up to {count} records before number {seq} were gone before they were sent")
        self._position = batch.after

    def _miss(self, count: int, sentence: str) -> None:
        self._missing += count
        self._tell(Said(missing=f"exporter `{self._name}`: {sentence}"))

    def _save(self) -> None:
        """Write down how far it has come; with that, all is well."""
        if self._saved != self._position:
            try:
                self._cursor.save(self._position)
            except OSError as error:
                self._fail(f"its cursor cannot be saved: {words(error)}", "the next start will send records again")
                return
            self._saved = self._position
        self._works()

    def _pause(self, tries: int, least: float) -> float:
        """Between a half and the whole of a time that doubles with every try, in seconds."""
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * float(2 ** min(tries - 1, 10)))
        return max(least, longest * (0.5 + self._draw() / 2))

    def _fail(self, problem: str, so: str = "records wait in the log until it works again") -> None:
        """Said once, when it begins."""
        if self._state != "failing":
            self._say(f"{problem}; {so}")
        self._state, self._error = "failing", problem

    def _works(self) -> None:
        if self._state == "failing":
            self._say("records are sent again")
        self._state = "sending"

    def _stop(self, problem: str) -> bool:
        self._state, self._error = "stopped", problem
        self._say(f"{problem}; it has stopped until the next start, and goes on where it was")
        return False

    def _say(self, sentence: str) -> None:
        self._tell(Said(sentence=f"audit: exporter `{self._name}`: {sentence}"))


def _time_of(message: Message) -> float | None:
    try:
        return datetime.fromisoformat(str(message.record.get("time"))).timestamp()
    except ValueError:
        return None
