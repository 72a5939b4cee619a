"""Answers of name servers that pass through inspected traffic (DNS over HTTPS), without what leads past the gateway.

HTTP/3 and hidden names (ECH) both begin with a record that a browser finds in such an answer. The answer is gathered,
the records are made unusable in their places, and what cannot be read as an answer is cut off.

Source: RFC 8484 (DNS over HTTPS), RFC 9460 (the records).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from addons.judging.exchange import Cut
from gateway.policy.errors import Malformed
from gateway.policy.model import Reason, refuse
from gateway.upstreams.nameservers.service_records import LONGEST, MEDIA_TYPE, without_service_records

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mitmproxy.http import Response

    from addons.judging.exchange import Exchange
    from addons.passing.bodies import Stream
    from gateway.policy.model import Facts


def is_one(facts: Facts) -> bool:
    """Whether an answer is one of a name server."""
    return facts.response_type == MEDIA_TYPE


def guarded(exchange: Exchange, response: Response, stream: Stream) -> Stream:
    """The stream of such an answer; it passes at once, at its end, in the length that was announced."""
    is_plain = response.headers.get("content-encoding", "identity").strip().lower() == "identity"
    gathered = bytearray()

    def down(piece: bytes) -> Iterable[bytes]:
        for passed in stream(piece):
            gathered.extend(passed)
        if not is_plain or len(gathered) > LONGEST:
            raise _cut(exchange)
        if piece or not gathered:
            return ()
        try:
            return (without_service_records(bytes(gathered)),)
        except Malformed:
            raise _cut(exchange) from None

    return down


def _cut(exchange: Exchange) -> Cut:
    exchange.outcome = refuse(Reason.UPSTREAM_BROKEN, "The answer of a name server cannot be read.")
    return Cut(exchange)
