"""A start with what was in force last, for whoever asks for it: `--last-good`, or `reload: {start: last-good}`.

A start is strict otherwise: who sits at a terminal is to see what is wrong. The configuration itself may be what cannot
be read; then the state folder is looked for as well as that goes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.audit.records.times import timestamp
from gateway.cli.options import STATE
from gateway.cli.outcome import Unusable, tell
from gateway.control.inforce import is_kept
from gateway.control.returning import returned
from gateway.policy.errors import Malformed
from gateway.policy.language.loader import scan
from gateway.policy.language.nodes import Mapping, Scalar

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from gateway.config.settings import Settings
    from gateway.control.returning import Returned

_STATE: Final = re.compile(r"^state:[ \t]+[\"']?([^\"'#\r\n]*[^\"'#\s])", re.MULTILINE)


def last_good(given: Namespace, settings: Settings | None, failed: Unusable) -> Returned:
    """What was in force last. Raises Unusable if nobody asked for it, or if it is not there.

    `settings` are those that could not be started with, None if there are none.
    """
    state = _state(given) if settings is None else settings.state
    is_wanted = given.last_good or (settings is not None and settings.reload.start == "last-good")
    if not is_wanted and (settings is not None or not is_kept(state)):
        raise Unusable(*failed.problems, *(_way_out(given) if is_kept(state) else ()))
    try:
        found = returned(state, given.config, failed.problems)
    except Malformed as problem:
        raise Unusable(*failed.problems, *_unfit(problem, is_wanted=is_wanted)) from None
    if not is_wanted and found.settings.reload.start != "last-good":
        raise Unusable(*failed.problems, *_way_out(given))
    form = given.log_format or found.settings.log.format
    for each in failed.problems:
        tell(each, form)
    since = timestamp(found.kept.since)
    tell(f"the present files cannot be used: THE GATEWAY STARTS WITH WHAT WAS IN FORCE LAST, kept {since}", form)
    return found


def _way_out(given: Namespace) -> tuple[str, ...]:
    return (f"to start with what was in force last: `wicketgate run --last-good --config {given.config}`",)


def _unfit(problem: Malformed, *, is_wanted: bool) -> tuple[str, ...]:
    return (f"what was in force last cannot be used either: {problem}",) if is_wanted else ()


def _state(given: Namespace) -> Path:
    """The state folder of a configuration that cannot be used."""
    folder: Path = given.config.parent
    if given.state != STATE:
        state: Path = given.state
        return state
    try:
        text = given.config.read_text("utf-8", "replace")
    except OSError:
        return folder / STATE
    node, _ = scan(text, str(given.config))
    said = node.get("state") if isinstance(node, Mapping) else None
    if isinstance(said, Scalar):
        return folder / said.text
    found = _STATE.search(text)
    return folder / (STATE if found is None else found[1])
