"""Which records of the audit log a verb is about: a span of time, a listener, one way of facing."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.audit.reading.exchanges import Exchanges, starts
from gateway.audit.reading.filters import Filter
from gateway.audit.records.times import timestamp
from gateway.cli.audit_walk import Walk
from gateway.cli.outcome import Unusable
from gateway.config.endpoints import parse_bind
from gateway.policy.analysis.cases import moment
from gateway.policy.errors import Malformed
from gateway.policy.language.units import parse_duration
from gateway.policy.model import Mode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.policy.addresses import Address

type Record = dict[str, Any]


@dataclass(slots=True)
class Traffic:
    """Decisions and ends of a log, of listeners that face one way.

    `since` and `until` are times as records have them, the first included, the second not. `mode` is None until the
    first record tells it. `own` are, from then on, the addresses of the gateway's own listeners in that time.
    """

    log: Path
    since: str | None = None
    until: str | None = None
    listener: str | None = None
    mode: Mode | None = None
    own: set[tuple[Address, int]] = field(default_factory=set)
    _seen: tuple[str, str] | None = None

    def records(self) -> Iterator[Record]:
        """The records, in the order of the log. Raises Unusable if listeners face both ways and none was chosen."""
        for start in starts(self.log, self.since, self.until):
            self._remember(start)
        walk = Walk(self.log, Filter())
        yield from Exchanges(walk.scan, self.since, self.until, self._is_wanted).records()
        walk.code(found=True)

    def _is_wanted(self, record: Record) -> bool:
        if self.listener not in (None, record["listener"]):
            return False
        if self.mode is None:
            self.mode, self._seen = Mode(record["mode"]), (record["listener"], record["mode"])
        if record["mode"] == self.mode:
            return True
        if self._seen is not None:
            before, mode = self._seen
            raise Unusable(
                f"the log holds what `{before}` ({mode}) and `{record['listener']}` ({record['mode']}) decided: "
                "choose with `--listener` or `--mode`"
            )
        return False

    def _remember(self, start: Record) -> None:
        for listener in start["listeners"]:
            try:
                self.own.add(parse_bind(listener.rpartition(" ")[2]))
            except Malformed:
                continue  # a listener that is not reached by an address is nobody's destination


def traffic(arguments: argparse.Namespace, now: float) -> Traffic:
    """The records that the options choose. Raises Unusable."""
    if not arguments.log.is_dir():
        raise Unusable(f"there is no audit log in `{arguments.log}`, name its folder with `--log`")
    return Traffic(
        log=arguments.log,
        since=_time(arguments.since, "--since", now),
        until=_time(arguments.until, "--until", now),
        listener=arguments.listener,
        mode=None if arguments.mode is None else Mode(arguments.mode),
    )


@contextmanager
def uncollected() -> Iterator[None]:
    """Without a search for cycles, which would double the time of a large log: records hold none."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def nothing_found(chosen: Traffic) -> Unusable:
    """What is said if no decision was chosen: an answer about nothing would look like an answer."""
    return Unusable(f"the log in `{chosen.log}` holds no decision of a policy that the options choose")


def _time(written: str | None, option: str, now: float) -> str | None:
    if written is None:
        return None
    try:
        return timestamp(moment(written) if "-" in written else now - parse_duration(written))
    except Malformed as problem:
        raise Unusable(f"{option}: {problem}") from None
