"""The kinds of records that may be kept for times of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.audit.records.record import Record

KINDS: Final = ("allow", "deny", "end", "connection", "other")
"""Decisions by verdict, ends of exchanges, connections without an exchange, and all the rest."""

_NEEDED: Final = frozenset({"retention", "key", "proof"})


def kind_of(record: Record) -> str:
    """Which of the KINDS a record is; `proof`, none of them, if it is needed for ever to show what became of others."""
    event = record.get("event")
    if event in _NEEDED:
        return "proof"
    if event == "decision":
        decision = record.get("decision")
        return "deny" if isinstance(decision, dict) and decision.get("verdict") == "deny" else "allow"
    return str(event) if event in {"end", "connection"} else "other"


def kind_in(text: bytes) -> str:
    """Which of the KINDS the text of a record is of, without reading all of it; `other` if it is none of the first."""
    if b'"event":"decision"' in text:
        return "deny" if b'"verdict":"deny"' in text else "allow"
    return next((each for each in ("end", "connection") if b'"event":"%b"' % each.encode() in text), "other")
