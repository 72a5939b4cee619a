"""The section `limits`: what one client may ask of the gateway itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.config.settings import LimitSettings
from gateway.policy.language.records import Values, optional, record
from gateway.policy.language.scalars import DURATION, SIZE, integer

if TYPE_CHECKING:
    from gateway.policy.language.shapes import Read

_MOST: Final = 10**9


_STOCK: Final = LimitSettings()
_HEAD: Final = optional("head", SIZE, "The largest head of a request.", _STOCK.head)
_FIELDS: Final = optional("fields", integer(1, 10_000), "The most fields of a head.", _STOCK.fields)
_TARGET: Final = optional("target", SIZE, "The longest request target.", _STOCK.target)
_HEAD_TIMEOUT: Final = optional("head_timeout", DURATION, "How long a head may take.", _STOCK.head_timeout)
_BODY: Final = optional("body", SIZE, "The largest body that a reverse listener takes.", _STOCK.body)
_MESSAGE: Final = optional("message", SIZE, "The largest message of a WebSocket.", _STOCK.message)
_CONNECTIONS: Final = optional("connections", integer(1, _MOST), "The most connections in all.", _STOCK.connections)
_PER_CLIENT: Final = optional(
    "connections_per_client", integer(1, _MOST), "The most connections of one client.", _STOCK.connections_per_client
)


def _limits(values: Values) -> Read[LimitSettings]:
    return LimitSettings(
        head=values[_HEAD],
        fields=values[_FIELDS],
        target=values[_TARGET],
        head_timeout=values[_HEAD_TIMEOUT],
        body=values[_BODY],
        message=values[_MESSAGE],
        connections=values[_CONNECTIONS],
        connections_per_client=values[_PER_CLIENT],
    )


LIMITS: Final = record(
    (_HEAD, _FIELDS, _TARGET, _HEAD_TIMEOUT, _BODY, _MESSAGE, _CONNECTIONS, _PER_CLIENT),
    _limits,
    wanted="limits, like `{head: 32KiB}`",
)
