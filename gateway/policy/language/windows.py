"""The `time` of a policy: `{days: mon-fri, from: "09:00", to: "17:00", zone: Europe/Berlin}`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.policy.errors import quoted
from gateway.policy.language.nodes import Node, Scalar
from gateway.policy.language.records import Values, at_least_one_of, optional, record, required
from gateway.policy.language.scalars import text
from gateway.policy.language.schedule import ALL_DAYS, DAY_MINUTES, TimeWindow
from gateway.policy.language.shapes import WRONG, Read, Shape, Spot, by_kind, sequence
from gateway.policy.language.suggestions import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])")


def _read_days(node: Node, spot: Spot) -> Read[frozenset[int]]:
    if not isinstance(node, Scalar):
        return spot.complain("here belongs a day, like `mon`, or a range, like `mon-fri`")
    first, dash, last = node.text.partition("-")
    if first not in _DAYS or (dash and last not in _DAYS):
        return spot.complain(f"{quoted(node.text)} is no day, write `mon`, `tue`, ... or a range like `mon-fri`")
    start = _DAYS.index(first)
    length = (_DAYS.index(last) - start) % 7 if dash else 0
    return frozenset((start + offset) % 7 for offset in range(length + 1))


def _together(days: Iterable[frozenset[int]]) -> frozenset[int]:
    return frozenset().union(*days)


def _read_clock(node: Node, spot: Spot) -> Read[int]:
    found = _CLOCK.fullmatch(node.text) if isinstance(node, Scalar) else None
    minute = DAY_MINUTES + 1 if found is None else int(found[1]) * 60 + int(found[2])
    if minute > DAY_MINUTES:
        shown = quoted(node.text) if isinstance(node, Scalar) else "this"
        return spot.complain(f'{shown} is no time of day, write hours and minutes, like `"09:00"`')
    return minute


def _read_zone(node: Node, spot: Spot) -> Read[str]:
    name = _ZONE_NAME.read(node, spot)
    if name is WRONG or name == "UTC":
        return name
    from zoneinfo import ZoneInfo, available_timezones  # noqa: PLC0415 - only policies with a `time` pay for the zones

    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        near = nearest(name, available_timezones())
        way = f", did you mean `{near}`?" if near else ", write it like `Europe/Berlin`"
        return spot.complain(f"{quoted(name)} is no time zone{way}")
    return name


_ZONE_NAME: Final = text("a time zone, like `Europe/Berlin` or `UTC`", longest=64)
_DAY_SCHEMA: Final = {"type": "string", "pattern": "^(?:DAY)(?:-(?:DAY))?$".replace("DAY", "|".join(_DAYS))}
_DAY: Final = Shape("a day or a range of days, like `mon-fri`", _DAY_SCHEMA, _read_days)
_CLOCK_TIME: Final = Shape(
    'a time of day, like `"09:00"`', {"type": "string", "pattern": f"^{_CLOCK.pattern}$"}, _read_clock
)

_ON: Final = optional(
    "days",
    by_kind(_DAY.wanted, scalar=_DAY, sequence=sequence(_DAY, "[mon-wed, sat]").then(_together)),
    "Days of the week: `mon-fri`, or a list of days and ranges.",
    ALL_DAYS,
)
_FROM: Final = optional("from", _CLOCK_TIME, "The first minute of the window.", 0)
_TO: Final = optional("to", _CLOCK_TIME, "The end of the window; if not after `from`, on the next day.", DAY_MINUTES)
_ZONE: Final = required("zone", Shape(_ZONE_NAME.wanted, _ZONE_NAME.schema, _read_zone), "The IANA zone of the clock.")


def _build(values: Values) -> Read[TimeWindow]:
    start, end = values[_FROM], values[_TO]
    if start == end:
        return values.spot.complain("`from` and `to` are the same, leave both out for the whole day")
    if start == DAY_MINUTES:
        return values.spot.complain("`from` cannot be `24:00`, write `00:00` and the day after")
    return TimeWindow(days=values[_ON], start=start, end=end, zone=values[_ZONE])


TIME: Final[Shape[TimeWindow]] = record(
    (_ON, _FROM, _TO, _ZONE),
    _build,
    wanted='a time, like `{days: mon-fri, from: "09:00", to: "17:00", zone: Europe/Berlin}`',
    rules=(at_least_one_of("days", "from", "to", why="without them the window is always open"),),
)
"""When a condition on `time` holds."""
