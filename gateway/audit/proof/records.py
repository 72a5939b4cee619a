"""The records that proving adds to the log: a key, what a start found, how anchors stand, and a sign of life."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Literal

from gateway.audit.records.times import timestamp

if TYPE_CHECKING:
    from gateway.audit.proof.keychain import Announcement
    from gateway.audit.proof.standings import Standing
    from gateway.audit.records.record import Record

type Outcome = Literal["began", "sound", "repaired", "tampered", "failed"]


def key_record(announcement: Announcement, now: float) -> Record:
    """A key signs from the next checkpoint on; `note` is the announcement, signed by the key before it."""
    return {
        "time": timestamp(now),
        "event": "key",
        "day": announcement.day,
        "key": str(announcement.key),
        "note": str(announcement.note),
    }


def proof_record(*, outcome: Outcome, size: int, root: bytes, problems: list[str], now: float) -> Record:
    """What a start found when it compared the log with its newest checkpoint: the tree that the log goes on with.

    `began`: there was none; `sound`: they agree; `repaired`: files of the tree were damaged, and made again from the
    records; `tampered`: records are not what was signed; `failed`: from here on nothing is proved until the next start.
    """
    return {
        "time": timestamp(now),
        "event": "proof",
        "outcome": outcome,
        "size": size,
        "root": b64encode(root).decode(),
        "problems": problems,
    }


def heartbeat_record(*, idle: float, now: float) -> Record:
    """Nothing happened for `idle` seconds, and the gateway was there."""
    return {"time": timestamp(now), "event": "heartbeat", "idle": round(idle)}


def anchor_record(standing: Standing, outcome: Literal["failed", "mended"], *, since: str | None, now: float) -> Record:
    """An anchor takes no checkpoints, or takes them again; `since` is when that began, `size` what it has."""
    return {
        "time": timestamp(now),
        "event": "anchor",
        "outcome": outcome,
        "anchor": standing.name,
        "since": since,
        "size": standing.size,
        "detail": standing.why,
    }
