"""HTTP dates as seconds since the epoch (RFC 9110 section 5.6.7): the one form that is written, and the two old ones.

Read by position and never by locale. What is not exactly one of the three is no date, and so in the past for Expires.
"""

from __future__ import annotations

import re
from calendar import timegm
from typing import Final

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME: Final = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_MONTH: Final = rf"(?P<month>{'|'.join(_MONTHS)})"
_FORMS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:{'|'.join(_DAYS)}), (?P<day>\d\d) {_MONTH} (?P<year>\d{{4}}) {_TIME} GMT",
        rf"(?:{'|'.join(_LONG_DAYS)}), (?P<day>\d\d)-{_MONTH}-(?P<short>\d\d) {_TIME} GMT",
        rf"(?:{'|'.join(_DAYS)}) {_MONTH} (?P<day>\d\d| \d) {_TIME} (?P<year>\d{{4}})",
    )
)
_CENTURY: Final = 100
_HALF: Final = 50
_LIMITS: Final = {"day": 31, "hour": 23, "minute": 59, "second": 60}


def parse_date(text: str, now: float) -> int | None:
    """The moment, or None if this is no date. A year of two digits is never more than 50 years ahead of `now`."""
    for form in _FORMS:
        found = form.fullmatch(text)
        if found is not None:
            return _moment(found.groupdict(), now)
    return None


def _moment(parts: dict[str, str | None], now: float) -> int | None:
    numbers = {name: int(parts[name] or 0) for name in _LIMITS}
    if numbers["day"] == 0 or any(numbers[name] > most for name, most in _LIMITS.items()):
        return None
    short = parts.get("short")
    year = int(parts.get("year") or 0) if short is None else _full_year(int(short), now)
    month = _MONTHS.index(parts["month"] or "") + 1
    return timegm((year, month, numbers["day"], numbers["hour"], numbers["minute"], numbers["second"]))


def _full_year(short: int, now: float) -> int:
    this_year = 1970 + int(now // 31_556_952)
    year = this_year - this_year % _CENTURY + short
    return year - _CENTURY if year > this_year + _HALF else year
