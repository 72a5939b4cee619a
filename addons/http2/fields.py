"""Fields as HTTP/2 carries them: checked on the way in, put into its form on the way out.

Source: RFC 9113 section 8.2 (fields), section 8.2.2 (connection-specific fields), section 8.3 (pseudo-fields);
RFC 9110 section 6.5.1 (fields that have no meaning in trailers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.policy.errors import Malformed
from gateway.policy.headers import field_name, field_value_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

type RawField = tuple[bytes, bytes]
type RawFields = Sequence[RawField]

CONNECTION_SPECIFIC: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)
"""Fields that an HTTP/2 message must not have."""

_TRAILERS: Final = b"trailers"
_BLANK: Final = b" \t"


class BadField(Exception):  # noqa: N818 - it says what the head is
    """A message that is malformed by one of its fields; the text says how, without any value."""


def split(raw: RawFields, known: frozenset[bytes]) -> tuple[dict[bytes, bytes], list[RawField]]:
    """The pseudo-fields, and the other fields. Raises BadField, of pseudo-fields for doubled, late and unknown ones."""
    pseudo: dict[bytes, bytes] = {}
    fields: list[RawField] = []
    for name, value in raw:
        if not name.startswith(b":"):
            fields.append((bytes(name), bytes(value)))
        elif fields:
            raise BadField("a pseudo-field stands behind other fields")
        elif name in pseudo:
            raise BadField(f"pseudo-field `{name.decode('latin-1')}` occurs more than once")
        elif name not in known:
            raise BadField("a pseudo-field that is not known here")
        else:
            pseudo[bytes(name)] = bytes(value)
    return pseudo, fields


def check(fields: Iterable[RawField], spoken: str = "HTTP/2") -> None:
    """Raise BadField for what HTTP/2 forbids in any message, requests and answers alike; HTTP/3 forbids the same.

    Source: RFC 9114 section 4.2.
    """
    for name, value in fields:
        text = name.decode("latin-1")
        try:
            if field_name(text) != text:
                raise BadField("a field name is not in lower case")
        except Malformed as problem:
            raise BadField(str(problem)) from None
        if name in CONNECTION_SPECIFIC or (name == b"te" and value != _TRAILERS):
            raise BadField(f"field `{text}` has no place in {spoken}")
        if value != value.strip(_BLANK):
            raise BadField(f"field `{text}`: blanks around its value")
        if problem_of_value := field_value_problem(value):
            raise BadField(f"field `{text}`: {problem_of_value}")


def read_trailers(raw: Iterable[tuple[bytes, bytes]], spoken: str = "HTTP/2") -> list[RawField]:
    """The fields of trailers. Raises BadField."""
    _, fields = split([(bytes(name), bytes(value)) for name, value in raw], frozenset())
    check(fields, spoken)
    return fields


def outgoing(fields: Iterable[RawField]) -> list[RawField]:
    """The fields of an HTTP/1 message as HTTP/2 carries them."""
    lowered = ((name.lower(), value.strip(_BLANK)) for name, value in fields)
    return [(name, value) for name, value in lowered if name not in CONNECTION_SPECIFIC and name != b"te"]
