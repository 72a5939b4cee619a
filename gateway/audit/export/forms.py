"""Records in the words of a receiver, each with the log and the number by which it is told from all others.

A record in the log's own words is the very line of the log with `"log":"...",` put in behind its brace: without that
it is what the proof of the log is about.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

from gateway.audit.mappings import cef, ecs, ocsf, otel
from gateway.audit.mappings.parts import NotMapped, Producer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gateway.audit.export.rules import Choice, Form
    from gateway.audit.records.record import Record

    type Words = Callable[[Record, Producer], str | NotMapped]


@dataclass(frozen=True, slots=True)
class Message:
    """A record that is sent: its number, its parts, and its `text` in the form that was asked for, on one line."""

    seq: int
    record: Record
    text: str


@dataclass(frozen=True, slots=True)
class Former:
    """Makes messages of lines of a log; what `choice` leaves out, and what a form has no place for, is passed over."""

    form: Form
    choice: Choice
    producer: Producer

    def messages(self, lines: Iterable[tuple[int, bytes]], unsaid: Callable[[int], None]) -> list[Message]:
        """The messages for these lines of the log.

        `unsaid` hears the number of a record that the form should have words for and has not: one of another version.
        """
        found = []
        for seq, line in lines:
            try:
                message = self._message(seq, line)
            except (LookupError, TypeError, ValueError, AttributeError):
                unsaid(seq)
            else:
                found += [] if message is None else [message]
        return found

    def _message(self, seq: int, line: bytes) -> Message | None:
        record = orjson.loads(line)
        if not self.choice.takes(record):
            return None
        text = self._text(record, line)
        return text if text is None else Message(seq, record, text)

    def _text(self, record: Record, line: bytes) -> str | None:
        if self.form == "record":
            return f'{{"log":"{self.producer.log}",{line[1:].decode("ascii")}'
        text = _FORMS[self.form](record, self.producer)
        return None if isinstance(text, NotMapped) else text


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _ocsf(record: Record, producer: Producer) -> str | NotMapped:
    found = ocsf.mapping(record, producer)
    return found if isinstance(found, NotMapped) else _json(found)


_FORMS: Final[Mapping[str, Words]] = {
    "ocsf": _ocsf,
    "ecs": lambda record, producer: _json(ecs.mapping(record, producer)),
    "cef": cef.mapping,
    "otel": lambda record, producer: _json(otel.otlp_json(record, producer)),
}
