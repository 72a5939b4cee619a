"""Records to a collector of OpenTelemetry, or to whoever takes signed JSON lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.audit.export.payloads import (
    LINES_TYPE,
    OTLP_TYPE,
    lines_body,
    otlp_body,
    rejected,
    webhook_fields,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.audit.export.forms import Message
    from gateway.audit.export.posting import Posting
    from gateway.audit.mappings.parts import Producer


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """A receiver of OTLP/HTTP."""

    posting: Posting
    producer: Producer
    host: str
    fields: Mapping[str, str]

    def deliver(self, messages: Sequence[Message]) -> str | None:
        """Post them. Those that a collector throws away are not sent again (OTLP, "Partial Success")."""
        body = otlp_body(messages, self.producer, self.host)
        count, words = rejected(self.posting.post(body, {"Content-Type": OTLP_TYPE, **self.fields}))
        return f"the collector threw away {count} records: {words[:200]!a}" if count else None

    def close(self) -> None:
        """Hang up, if there is a connection."""
        self.posting.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A receiver of JSON lines; with a `secret` they are signed."""

    posting: Posting
    log: str
    secret: bytes | None
    fields: Mapping[str, str]
    clock: Callable[[], float]

    def deliver(self, messages: Sequence[Message]) -> None:
        """Post them in one request."""
        body = lines_body(messages)
        signed = webhook_fields(messages, self.log, body, self.secret, self.clock())
        self.posting.post(body, {"Content-Type": LINES_TYPE, **signed, **self.fields})

    def close(self) -> None:
        """Hang up, if there is a connection."""
        self.posting.close()
