"""Bodies pass piece by piece, are counted, and are cut where a bound is crossed.

Nothing is kept of them. A body that stated its length was judged with the head; one that did not is judged again
whenever it passes a size at which the policy may decide otherwise.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from addons.judging.exchange import Cut
from gateway.policy.model import UNKNOWN, Decision, Facts, Reason, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mitmproxy.http import HTTPFlow, Response

    from addons.judging.exchange import Exchange

type Stream = Callable[[bytes], Iterable[bytes]]
"""What the layer calls with every piece of a body, and with an empty one at its end."""


@dataclass(slots=True)
class Meter:
    """The size of one body so far, and the question to the gate when it passes one of `bounds`, in bytes.

    `measured` says what the facts are when that many bytes have passed; None for a body that stated its length.
    `most` bounds every body.
    """

    exchange: Exchange
    bounds: tuple[int, ...]
    measured: Callable[[Facts, int], Facts] | None
    most: int | None = None
    passed: int = 0

    def add(self, size: int) -> None:
        """Count `size` bytes more; raises Cut if they may not pass."""
        before, self.passed = self.passed, self.passed + size
        if self.most is not None and self.passed > self.most:
            self._cut(refuse(Reason.BODY_TOO_LARGE, f"the body is larger than {self.most} bytes"))
        if self.measured is not None and self._zone(before) != self._zone(self.passed):
            decision = self.exchange.gate.size(self.measured(self.exchange.facts, self.passed))
            if decision.denied:
                self._cut(decision)

    def _zone(self, size: int) -> tuple[int, int]:
        """Between which bounds a size lies; on a bound is a place of its own."""
        return bisect_left(self.bounds, size), bisect_right(self.bounds, size)

    def _cut(self, decision: Decision) -> None:
        self.exchange.outcome = decision
        raise Cut(self.exchange)


def of_request(exchange: Exchange, most: int | None) -> Stream:
    """The stream of a request's body."""
    measured = _request_size if exchange.facts.request_size is UNKNOWN else None
    meter = Meter(exchange, exchange.gate.policy.size_bounds, measured, most)

    def up(piece: bytes) -> Iterable[bytes]:
        if exchange.outcome is not None:
            raise Cut(exchange)
        meter.add(len(piece))
        exchange.up += len(piece)
        return (piece,) if piece else ()

    return up


def of_response(exchange: Exchange, facts: Facts) -> Stream:
    """The stream of an answer's body; `facts` are those of its head."""
    measured = _response_size if facts.response_size is UNKNOWN else None
    exchange.facts = facts
    meter = Meter(exchange, exchange.gate.policy.response_size_bounds, measured)

    def down(piece: bytes) -> Iterable[bytes]:
        meter.add(len(piece))
        exchange.down += len(piece)
        return (piece,) if piece else ()

    return down


def _request_size(facts: Facts, size: int) -> Facts:
    return facts.learning(request_size=size)


def _response_size(facts: Facts, size: int) -> Facts:
    return facts.learning(response_size=size)


def put_in_place(flow: HTTPFlow, answer: Response, *, has_body: bool) -> None:
    """Give the client `answer` instead of an upstream's, of which not one byte passes.

    The layer has already promised itself a body if the upstream announced one, so that this one streams: what comes
    from the upstream is swallowed. Without an upstream body the layer sends the head alone.
    """
    if has_body:
        answer.stream = instead(answer.raw_content or b"")
    else:
        answer.raw_content = b""
        answer.headers["Content-Length"] = "0"
    flow.response = answer


def instead(body: bytes) -> Stream:
    """The stream of an answer that is not the upstream's: what the upstream sends is swallowed."""
    rest = [body] if body else []

    def swallow(_piece: bytes) -> Iterable[bytes]:
        said, rest[:] = tuple(rest), []
        return said

    return swallow
