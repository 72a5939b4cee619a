"""The options that say which records are meant: the same ones for every verb that looks through the log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.audit.reading.filters import Filter
from gateway.audit.records.times import timestamp
from gateway.cli.outcome import Unusable
from gateway.policy.addresses import Network
from gateway.policy.errors import Malformed
from gateway.policy.language.units import parse_duration
from gateway.policy.names import Host

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

_TRACE: Final = re.compile(r"(?:[0-9a-f]{2}-)?(?P<trace>[0-9a-f]{32})(?:-[0-9a-f]{16}-[0-9a-f]{2})?")
VERDICTS: Final = ("allow", "deny")
_HELP: Final[Mapping[str, tuple[str, str]]] = {
    "since": ("TIME", "from this moment on: `1h` or `7d` ago, or `2026-11-23T10:00:00Z`"),
    "until": ("TIME", "before this moment, written like `--since`"),
    "client": ("ADDRESS", "the client, or its network, or the name that the log has for it"),
    "user": ("NAME", "the user"),
    "host": ("NAME", "the host, or one below it"),
    "rule": ("ID", "the rule, guardrail or limit that decided"),
    "reason": ("WORD", "the reason, like `rule-deny`"),
    "listener": ("NAME", "the listener"),
    "method": ("NAME", "the method"),
    "path": ("PATH", "the path, or one below it"),
    "status": ("CODE", "what was answered: with the decision, or at the end of the exchange"),
    "trace": ("ID", "the trace that it belongs to: 32 hexadecimal digits, or a whole `traceparent`"),
    "event": ("KIND", "the kind of record: `decision`, `end`, `policy` ..."),
}


def add_filters(parser: argparse.ArgumentParser, *, verdict: bool = True, event: bool = True) -> None:
    """Add the options of a filter; a verb that fixes the verdict or the kind of record has none for it."""
    group = parser.add_argument_group("which records", "a record has to meet every option that is given")
    if verdict:
        group.add_argument("--verdict", choices=VERDICTS)
    for name, (metavar, text) in _HELP.items():
        if name != "event" or event:
            group.add_argument(f"--{name}", metavar=metavar, help=text)


def filter_of(arguments: argparse.Namespace, now: float) -> Filter:
    """The filter that the options ask for; `now` in seconds since the epoch. Raises Unusable."""
    given = {name: getattr(arguments, name, None) for name in ("verdict", *_HELP)}
    status = given["status"]
    if status is not None and not (status.isascii() and status.isdigit()):
        raise Unusable(f"--status: `{status}` is no status, write one like `403`")
    return Filter(
        since=_time("--since", given["since"], now),
        until=_time("--until", given["until"], now),
        client=None if given["client"] is None else client_of(given["client"]),
        host=None if given["host"] is None else host_of(given["host"]),
        status=None if status is None else int(status),
        trace=None if given["trace"] is None else trace_of(given["trace"]),
        method=None if given["method"] is None else given["method"].upper(),
        **{name: given[name] for name in ("user", "rule", "verdict", "reason", "listener", "path", "event")},
    )


def host_of(text: str) -> str:
    """A host as the log writes it: what cannot be one is looked for as it is. A leading dot means the same as none."""
    try:
        return str(Host.parse(text.removeprefix("*").removeprefix(".")))
    except Malformed:
        return text.lower().rstrip(".")


def client_of(text: str) -> Network | str:
    """A client as an address or a network, or the name that the log has in place of its address. Raises Unusable."""
    if text.startswith("client-"):
        return text
    try:
        return Network.parse(text)
    except Malformed as error:
        raise Unusable(f"--client: {error}") from None


def trace_of(text: str) -> str:
    """The id of a trace, alone or out of a `traceparent` (W3C Trace Context 3.2). Raises Unusable."""
    found = _TRACE.fullmatch(text.strip().lower())
    if found is None:
        raise Unusable(f"--trace: `{text}` is no id of a trace, write 32 hexadecimal digits, or a whole `traceparent`")
    return found["trace"]


def _time(option: str, text: str | None, now: float) -> str | None:
    """A moment, or how long ago it was, as the log writes it."""
    from gateway.policy.analysis.cases import moment

    if text is None:
        return None
    try:
        return timestamp(now - parse_duration(text) if text[-1:].islower() else moment(text))
    except (Malformed, ValueError):
        pass
    raise Unusable(f"{option}: `{text}` is no moment, write how long ago, like `1h` or `7d`, or `2026-11-23T10:00:00Z`")
