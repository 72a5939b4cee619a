"""`wicketgate status`: what a running gateway does, since when, under which policies, and whether it is well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.cli.options import add_state, parser
from gateway.cli.ordering import ordered
from gateway.cli.outcome import FINDINGS, OK
from gateway.cli.output import add_format, answer
from gateway.control.channel import Order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.cli.options import Parser

_UNITS = (("d", 86400), ("h", 3600), ("min", 60))


def command_line() -> Parser:
    """What can be said on the command line."""
    options = parser("status", "What a running gateway does, under which policies, and whether it is well.")
    add_state(options)
    add_format(options)
    options.add_argument(
        "--ready",
        action="store_true",
        help="end with 0 as long as it is ready, whatever else is amiss: for health checks",
    )
    return options


def main(argv: Sequence[str]) -> int:
    """Tell it; 1 if something is not as it should be. Raises Unusable if no gateway is at work there."""
    given = command_line().parse_args(argv)
    found = ordered(given.state, Order("status"))
    answer(given.format, _page(found), found)
    is_amiss = found.get("lists") or any(each["state"] == "kept" for each in found["reloads"]["parts"])
    return OK if found["ready"] and (given.ready or not is_amiss) else FINDINGS


def _page(found: dict[str, Any]) -> Iterator[str]:
    state = "draining" if found["draining"] else "ready" if found["ready"] else "not ready"
    yield f"wicketgate {found['version']} is {state}"
    yield f"  up for       {_span(found['uptime'])} (since {found['started']}, process {found['pid']})"
    yield f"  connections  {found['connections']}"
    audit = found["audit"]
    well = "healthy" if audit["healthy"] else f"IN TROUBLE: {audit['trouble']}"
    yield f"  audit log    {well}, last record {audit['last']}, {audit['waiting']} not on the disk yet"
    store = found.get("limits_store")
    if store is not None:
        stands = "is up" if store["state"] == "up" else f"IS AWAY: {store['why']}"
        yield f"  limits at    {store['store']} {stands}, {store['asked']} asked, {store['failed']} failed"
    for each in found["listeners"]:
        policy = each["policy"]
        yield f"  {each['mode']:<11}  {each['name']} on {each['bind']}"
        yield f"    policy     {policy['name']} ({policy['digest'][:19]}), loaded {policy['loaded']}"
    kept = [part for part in found["reloads"]["parts"] if part["state"] == "kept"]
    for part in kept:
        yield from _kept(part)
    told = {why for part in kept for why in part["problems"]}
    for each in found.get("lists", ()):  # a gateway that was started before an update does not tell
        whose = f"{each['listener']} @{each['name']}"
        yield from (f"  LIST         {whose}: {why}" for why in each["problems"] if why not in told)


def _kept(part: dict[str, Any]) -> Iterator[str]:
    """Why a part is not as it is written, and since when."""
    of = " ".join(each for each in (part["what"], part["listener"], part["name"]) if each is not None)
    for why in part["problems"]:
        yield f"  KEPT         {of}, from before {part['kept_since']}: {why}"


def _span(seconds: float) -> str:
    """Two units of a time, the largest first."""
    left, parts = int(seconds), []
    for unit, length in _UNITS:
        if left >= length:
            parts.append(f"{left // length} {unit}")
            left %= length
    return " ".join(parts[:2]) or f"{left} s"
