"""Traces, if the configuration has them: without the section nothing of them is imported, and no request meets them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from addons.judging.exchange import Connections
    from gateway.audit.records.disclosure import Disclosure
    from gateway.config.settings import TraceSettings
    from gateway.traces.sending import Sender


def sender_of(settings: TraceSettings | None, connections: Connections, disclosure: Disclosure) -> Sender | None:
    """What sends spans, not started; the connections are told to trace. None if there are no traces."""
    if settings is None:
        return None
    from importlib.metadata import version  # noqa: PLC0415 - only for whom there are traces

    from addons.judging.tracing import Tracer  # noqa: PLC0415 - as above
    from gateway.traces.collecting import collector_of  # noqa: PLC0415 - as above
    from gateway.traces.sending import Sender  # noqa: PLC0415 - as above
    from gateway.traces.spans import Drawing  # noqa: PLC0415 - as above

    sender = Sender(lambda: collector_of(settings, version("wicketgate"), os.environ))
    connections.tracing = Tracer(
        *(settings, Drawing(settings.sample, os.urandom, time.time_ns), sender.put),
        disclosure=disclosure,
        timer=connections.timer,
        clock=time.time,
    )
    return sender


def problems_of(settings: TraceSettings | None) -> list[str]:
    """Everything that keeps traces from being sent."""
    if settings is None:
        return []
    from gateway.traces import collecting  # noqa: PLC0415 - only for whom there are traces

    return collecting.problems_of(settings, os.environ)
