"""What somebody looks for in the log: conditions that a record meets, all of them.

`needles` are bytes that stand in every line that meets them, so that other lines need not be parsed. They rest on
`gateway.audit.writing.encoding`: the same text is always written as the same bytes. They say too much at times and
never too little; `matches` decides.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from gateway.policy.addresses import Address, Network
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.audit.records.record import Record

DECIDED: Final = b'"decision":{"verdict":'
"""Stands in a line exactly if its record has a decision: no text and no other object of a record can hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Conditions; None asks for nothing.

    `since` (inclusive) and `until` (exclusive) are times as records have them. `client` is a network, or the name that
    the log has in place of an address. `host` is met by the names below it too, `path` by the paths below it. `status`
    is what was answered, in the decision or at the end.
    """

    since: str | None = None
    until: str | None = None
    client: Network | str | None = None
    user: str | None = None
    host: str | None = None
    rule: str | None = None
    verdict: str | None = None
    reason: str | None = None
    listener: str | None = None
    method: str | None = None
    path: str | None = None
    status: int | None = None
    event: str | None = None
    id: str | None = None
    trace: str | None = None

    @property
    def asks_for_words(self) -> bool:
        """Whether it asks for more than a time, a verdict or a kind of event."""
        return self != Filter(since=self.since, until=self.until, verdict=self.verdict, event=self.event)

    def matches(self, record: Record) -> bool:
        """Whether a record meets every condition."""
        return self.matcher()(record)

    def matcher(self) -> Callable[[Record], bool]:
        """`matches` for many records: conditions that are not there cost nothing."""
        conditions = tuple(self._conditions())

        def meets(record: Record) -> bool:
            for condition in conditions:  # noqa: SIM110 - a generator for each record costs more than the conditions
                if not condition(record):
                    return False
            return True

        return meets

    def needles(self) -> tuple[bytes, ...]:
        """Bytes that every line holds whose record matches, the rarest first."""
        return tuple(self._needles())

    def _conditions(self) -> Iterator[Callable[[Record], bool]]:
        since, until = self.since, self.until
        host, path, client, status, reason = self.host, self.path, self.client, self.status, self.reason
        if since is not None:
            yield lambda record: str(record.get("time")) >= since
        if until is not None:
            yield lambda record: str(record.get("time")) < until
        yield from self._equalities()
        if reason is not None:
            yield lambda record: reason in {_at(record, "decision", "reason"), record.get("reason")}
        if host is not None:
            yield lambda record: _is_below(_at(record, "request", "host"), host)
        if path is not None:
            yield lambda record: _is_under(_at(record, "request", "path"), path)
        if client is not None:
            yield lambda record: _is_client(_at(record, "client", "ip"), client)
        if status is not None:
            yield lambda record: status in {_at(record, "decision", "status"), record.get("status")}

    def _equalities(self) -> Iterator[Callable[[Record], bool]]:
        wanted = (
            (self.id, ("id",)),
            (self.trace, ("trace",)),
            (self.event, ("event",)),
            (self.listener, ("listener",)),
            (self.user, ("client", "user")),
            (self.method, ("request", "method")),
            (self.rule, ("decision", "rule")),
            (self.verdict, ("decision", "verdict")),
        )
        for value, path in wanted:
            if value is not None:
                yield partial(_is, path, value)

    def _needles(self) -> Iterator[bytes]:
        texts = {"id": self.id, "trace": self.trace, "rule": self.rule, "user": self.user, "reason": self.reason}
        texts |= {"listener": self.listener, "method": self.method, "event": self.event}
        for key in ("id", "trace", "rule", "user"):
            yield from _pair(key, texts[key])
        if self.host is not None:
            yield _text(self.host)[1:]
        if self.path is not None:
            yield b'"path":' + _text(self.path)[:-1]
        if isinstance(self.client, str):
            yield from _pair("ip", self.client)
        elif self.client is not None and self.client.length == (32 if self.client.version == 4 else 128):  # noqa: PLR2004 - the bits of an address of version 4
            yield from _pair("ip", str(Address(self.client.version, self.client.value)))
        if self.verdict is not None:
            yield DECIDED + _text(self.verdict)
        if self.status is not None:
            yield b'"status":%d' % self.status
        for key in ("reason", "listener", "method", "event"):
            yield from _pair(key, texts[key])


def _pair(key: str, value: str | None) -> Iterator[bytes]:
    if value is not None:
        yield b'"%b":%b' % (key.encode("ascii"), _text(value))


def _text(value: str) -> bytes:
    """A text as the log writes it, with its quotation marks."""
    return json.dumps(value).encode("ascii")


def _at(record: Record, *path: str) -> Any:
    found: Any = record
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _is(path: tuple[str, ...], value: str, record: Record) -> bool:
    return bool(_at(record, *path) == value)


def _is_below(value: object, wanted: str) -> bool:
    return isinstance(value, str) and (value == wanted or value.endswith(f".{wanted}"))


def _is_under(path: object, wanted: str) -> bool:
    if not isinstance(path, str):
        return False
    return path == wanted or path.startswith(wanted if wanted.endswith("/") else f"{wanted}/")


def _is_client(value: object, wanted: Network | str) -> bool:
    if isinstance(wanted, str) or not isinstance(value, str):
        return value == wanted
    try:
        return Address.parse(value) in wanted
    except Malformed:
        return _is_network_within(value, wanted)


def _is_network_within(value: str, wanted: Network) -> bool:
    """Whether a client of which the log only says the network is certainly one of those wanted."""
    try:
        known = Network.parse(value)
    except Malformed:
        return False
    return known.length >= wanted.length and Address(known.version, known.value) in wanted
