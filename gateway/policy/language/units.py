"""Numbers with units, as people write them: sizes in bytes, times in seconds, shares in percent."""

from __future__ import annotations

from typing import Final

from gateway.policy.errors import Malformed, quoted

SIZES: Final = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
"""Bytes by unit: `MB` is a million, `MiB` is 1024 times 1024."""

DURATIONS: Final = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
"""Seconds by unit. No `m`: it is read as minutes by some and as months by others."""

MAX_DIGITS: Final = 15


def parse_size(text: str) -> int:
    """Bytes of `10MB`, `32KiB` or `512`; raises Malformed."""
    number, unit = _split(text)
    factor = SIZES.get(unit or "B")
    if not number or factor is None:
        meant = next((name for name in SIZES if name.lower() == unit.lower()), None) if number else None
        way = (
            f"did you mean `{number}{meant}`?" if meant else "write a whole number with a unit, like `10MB` or `32KiB`"
        )
        raise Malformed(f"{quoted(text)} is no size, {way}")
    return int(number) * factor


def parse_duration(text: str) -> float:
    """Seconds of `10s`, `500ms`, `5min`, `6h` or `7d`; raises Malformed."""
    number, unit = _split(text)
    factor = DURATIONS.get(unit)
    if not number or factor is None:
        hint = f", did you mean `{number}min`?" if number and unit == "m" else ""
        raise Malformed(
            f"{quoted(text)} is no length of time, write a number with `ms`, `s`, `min`, `h` or `d`, like `7d`{hint}"
        )
    return int(number) * factor


def parse_percent(text: str) -> float:
    """The fraction of `30%` (0.3), from `0%` to `100%`; raises Malformed."""
    number, unit = _split(text)
    if not number or unit != "%" or int(number) > 100:  # noqa: PLR2004 - per cent end there
        raise Malformed(f"{quoted(text)} is no share, write it from `0%` to `100%`, like `30%`")
    return int(number) / 100


def _split(text: str) -> tuple[str, str]:
    unit = text.lstrip("0123456789")
    number = text[: len(text) - len(unit)]
    return (number, unit.lstrip(" ")) if text.isascii() and len(number) <= MAX_DIGITS else ("", unit)
