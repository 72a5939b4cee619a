"""What the gateway says and records of its own failures: `internal-error`, and nothing of the inside."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from addons.judging import refusals
from addons.judging.exchange import attach, exchange_of
from addons.judging.refusals import Refusal
from addons.judging.translate import connection_facts
from gateway.policy.model import Reason, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.connection import Client
    from mitmproxy.http import HTTPFlow, Response

    from addons.judging.exchange import Connections, Exchange
    from addons.judging.recording import Recorder

_log: Final = logging.getLogger(__name__)


class Failures:
    """Records failures. `clock` gives seconds since the epoch, UTC."""

    def __init__(self, connections: Connections, recorder: Recorder, clock: Callable[[], float]) -> None:
        self._connections: Final = connections
        self._recorder: Final = recorder
        self._clock: Final = clock

    def failed(self, client_id: str, place: str, error: BaseException) -> None:
        """A hook or a layer failed on a connection: what was open on it ends as `internal-error`."""
        self._recorder.failed(client_id, place, error)

    def unjudged(self, flow: HTTPFlow, hook: str, error: BaseException) -> Response:
        """The hook of a request failed before anything was forwarded: the answer to it, which is recorded."""
        _log.error("%s failed: %s", hook, type(error).__name__, exc_info=error)
        exchange = exchange_of(flow) or self._begun(flow)
        decision = refuse(Reason.INTERNAL_ERROR, f"The gateway failed at {hook}.")
        answer = refusals.for_request(exchange, flow, Refusal(decision))
        size = len(answer.raw_content or b"")
        if exchange.recorded:
            exchange.outcome, exchange.status, exchange.down = decision, answer.status_code, size
            self._recorder.ended(exchange)
        else:
            self._recorder.refused(exchange, decision, status=answer.status_code, down=size)
        return answer

    def _begun(self, flow: HTTPFlow) -> Exchange:
        state = self._connections.state(flow.client_conn.id)
        exchange = self._connections.begin(state, connection_facts(state, self._clock()))
        attach(flow, exchange)
        return exchange

    def late(self, client: Client) -> None:
        """A tunnel has been silent for too long, and is given up next."""
        state = self._connections.find(client.id)
        for exchange in () if state is None else state.exchanges:
            if exchange.admitted and exchange.outcome is None:
                exchange.outcome = refuse(Reason.IDLE_TIMEOUT)
