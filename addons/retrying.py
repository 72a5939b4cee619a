"""What a stream says and hears when a server failed a request of which nothing was answered yet.

Whether there is another server to ask is said by the hook, see `addons.elsewhere`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mitmproxy.proxy import commands
from mitmproxy.proxy.layers.http._events import ResponseProtocolError

from addons.exchange import exchange_of

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from gateway.upstreams.pools.retries import Failure


class Unanswered(ResponseProtocolError):  # noqa: N818 - it is an event of mitmproxy's, and not raised
    """An upstream ended a connection before it had said one byte of an answer."""


@dataclass(slots=True)
class Attempted:
    """A server failed a request. The hook says `again` once the flow leads to another."""

    flow: HTTPFlow
    failure: Failure
    body_begun: bool
    again: bool = False


@dataclass
class UpstreamFailedHook(commands.StartHook):  # type: ignore[no-untyped-call]  # mitmproxy does not annotate it
    """A server failed a request of which nothing was answered yet."""

    data: Attempted


def may_be_elsewhere(flow: HTTPFlow) -> bool:
    """Whether a request has a place at one of several servers: no other request needs to be asked about."""
    exchange = exchange_of(flow)
    return exchange is not None and exchange.place is not None
