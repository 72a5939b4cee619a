"""Trailers: the fields after a body pass as the fields before it do, and those that must not stand there do not.

A field that was stripped from a head is stripped from the trailers too. The policy's `set` and `add` are for heads;
what they set is not repeated, and whatever would replace it is dropped.

Source: RFC 9110 section 6.5.1 (limitations on trailers), section 6.5.2 (processing them).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from addons.judging.exchange import judged
from addons.judging.forwarded import TRACE, is_claim
from addons.passing.fields import clean_answer_fields, clean_request_fields
from gateway.policy.errors import Malformed
from gateway.policy.headers import field_name, field_value_problem
from gateway.policy.model import EditRequest, EditResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mitmproxy.http import Headers, HTTPFlow

    from addons.passing.fields import RawField
    from gateway.policy.model import Obligation

MOST: Final = 100
"""Fields that trailers may have; of more none is passed on."""
LARGEST: Final = 16 * 1024
"""How large trailers may be, in bytes of names and values; of larger ones none is passed on."""

FORBIDDEN: Final = TRACE | {
    "accept",
    "accept-encoding",
    "age",
    "authentication-info",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-location",
    "content-range",
    "content-security-policy",
    "content-type",
    "cookie",
    "date",
    "expect",
    "expires",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "proxy-status",
    "range",
    "referer",
    "retry-after",
    "set-cookie",
    "strict-transport-security",
    "trailer",
    "transfer-encoding",
    "vary",
    "warning",
    "www-authenticate",
}
"""Framing, routing, modifiers, authentication and what says how content is read: their place is in front of it."""


def trailers_of_request(flow: HTTPFlow) -> list[RawField]:
    """What a request's trailers hold that may go on; a policy that edits requests edits these too."""
    if flow.request.trailers is None:
        return []
    exchange = judged(flow)
    fields = clean_request_fields(_sound(flow.request.trailers), exchange.connection.mode)
    return not_edited(fields, EditRequest, () if exchange.decision is None else exchange.decision.obligations)


def trailers_of_answer(flow: HTTPFlow) -> list[RawField]:
    """What an answer's trailers hold that may go on."""
    if flow.response is None or flow.response.trailers is None:
        return []
    exchange = judged(flow)
    if exchange.refused or exchange.outcome is not None:
        return []
    fields = clean_answer_fields(_sound(flow.response.trailers), exchange.connection.mode)
    return not_edited(fields, EditResponse, () if exchange.decision is None else exchange.decision.obligations)


def _sound(trailers: Headers) -> list[RawField]:
    """The fields that may stand in trailers at all, with names and values that nobody reads differently."""
    raw = trailers.fields
    if len(raw) > MOST or sum(len(name) + len(value) for name, value in raw) > LARGEST:
        return []
    return [field for field in raw if is_readable(field) and _may_stand_behind(field[0].decode("latin-1").lower())]


def is_readable(field: RawField) -> bool:
    """Whether nobody can read a field in another way than we do."""
    try:
        field_name(field[0].decode("latin-1"))
    except Malformed:
        return False
    return field_value_problem(field[1]) is None


def _may_stand_behind(name: str) -> bool:
    return name not in FORBIDDEN and not is_claim(name)


def not_edited(
    fields: Iterable[RawField], kind: type[EditRequest | EditResponse], obligations: Sequence[Obligation]
) -> list[RawField]:
    """Of fields behind, or before, a message those that the policy does not take out of its head, nor sets there."""
    edits = [each.edit for each in obligations if isinstance(each, kind)]
    return [field for field in fields if not any(edit.drops(field[0]) for edit in edits)]
