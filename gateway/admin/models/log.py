"""What is read from the audit log: records as their own schema describes them, and what is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import RootModel

from gateway.admin.models.base import Answer, Count
from gateway.audit.records.schema import record_schema

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema


class _Record(RootModel[dict[str, Any]]):
    """A record of the audit log."""

    event: ClassVar[str]

    @classmethod
    def __get_pydantic_json_schema__(cls, _core: CoreSchema, _handler: GetJsonSchemaHandler, /) -> dict[str, Any]:
        schema: dict[str, Any] = record_schema()["$defs"][cls.event]
        return schema


class DecisionRecord(_Record):
    """What was decided about an exchange."""

    event = "decision"


class EndRecord(_Record):
    """How an exchange ended."""

    event = "end"


class ConnectionRecord(_Record):
    """What became of a connection of which nothing could be decided."""

    event = "connection"


class Decisions(Answer):
    """A page of decisions, the newest first."""

    decisions: list[DecisionRecord]
    next: int | None
    """The `before` of the next page; None if there is nothing more."""


class Decision(Answer):
    """One decision with all that became of it."""

    id: str
    decision: DecisionRecord | None
    end: EndRecord | None
    connection: ConnectionRecord | None


class WayOut(Answer):
    """What would have to change."""

    words: str
    yaml: list[str]
    """Lines for the policy, where one can say it."""


class Story(Answer):
    """One decision: why, and what would have to change."""

    id: str
    decision: DecisionRecord | None
    records: list[DecisionRecord | EndRecord | ConnectionRecord]
    refused: bool | None
    """In the end, by the decision or later; None where nothing was decided."""
    why: list[str]
    way_out: WayOut | None


class Moment(Answer):
    """The decisions of a minute or an hour."""

    time: str
    allow: Count
    deny: Count


class Verdicts(Answer):
    """Decisions of both kinds."""

    allow: Count
    deny: Count


class Frequent(Answer):
    """A value, and how many decisions are about it."""

    value: str
    count: Count


class MostOften(Answer):
    """What most decisions are about."""

    host: list[Frequent]
    client: list[Frequent]
    rule: list[Frequent]
    reason: list[Frequent]


class Numbers(Answer):
    """Decisions over time, and what most are about."""

    span: Literal["1h", "24h"]
    per: Literal["minute", "hour"]
    since: str | None
    """The time of the first record that was counted."""
    decisions: Verdicts
    over_time: list[Moment]
    blocked: MostOften
    allowed: MostOften
