"""Conditions on facts that are one word, number or truth value, compared with a list of them.

`method`, `scheme`, `port`, `protocol`, `user`, `identity.method`, `destination.country`, `destination.asn`,
`response.status`, `response.type`, `tls.version`, `tls.inspected`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.policy.language.conditions import Span
from gateway.policy.matchers.sides import Side, single
from gateway.policy.model import FactName

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.policy.kleene import Matcher
    from gateway.policy.language.conditions import Condition
    from gateway.policy.model import Fact, Facts

READERS: Final[Mapping[FactName, Callable[[Facts], Fact[object]]]] = {
    FactName.PORT: lambda facts: facts.port,
    FactName.SCHEME: lambda facts: facts.scheme,
    FactName.METHOD: lambda facts: facts.method,
    FactName.PROTOCOL: lambda facts: facts.protocol,
    FactName.USER: lambda facts: facts.user,
    FactName.IDENTITY_METHOD: lambda facts: facts.identity_method,
    FactName.DESTINATION_COUNTRY: lambda facts: facts.destination_country,
    FactName.DESTINATION_ASN: lambda facts: facts.destination_asn,
    FactName.RESPONSE_STATUS: lambda facts: facts.response_status,
    FactName.RESPONSE_TYPE: lambda facts: facts.response_type,
    FactName.TLS_VERSION: lambda facts: facts.tls_version,
    FactName.TLS_INSPECTED: lambda facts: facts.tls_inspected,
    FactName.CONNECT: lambda facts: facts.connect,
}
"""The facts that are compared whole."""


def word_matcher(condition: Condition, side: Side) -> Matcher:
    """A condition `in` or `not_in` a list of words, numbers, spans of numbers or truth values."""
    read = READERS[FactName(condition.name)]
    listed = _one_of(condition)
    if condition.operator == "not_in":
        return single(read, lambda value: not listed(value), absent=side is Side.RESTRAINS)
    return single(read, listed)


def _one_of(condition: Condition) -> Callable[[object], bool]:
    spans = tuple(value for value in condition.values if isinstance(value, Span))
    words = frozenset(value for value in condition.values if not isinstance(value, Span))
    if not spans:
        return words.__contains__
    return lambda value: isinstance(value, int) and (value in words or any(value in span for span in spans))
