"""The section `limits`: what one client may ask of the gateway itself, and how long it waits for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.config.settings import LimitSettings
from gateway.policy.errors import Malformed
from gateway.policy.language.records import Values, optional, record
from gateway.policy.language.scalars import DURATION, SIZE, integer

if TYPE_CHECKING:
    from gateway.policy.language.shapes import Read

_MOST: Final = 10**9


def _lasting(seconds: float) -> float:
    if seconds <= 0:
        raise Malformed("nothing comes in no time at all, write a length of time above zero")
    return seconds


_TIME: Final = DURATION.then(_lasting)

_STOCK: Final = LimitSettings()
_HEAD: Final = optional("head", SIZE, "The largest head of a request.", _STOCK.head)
_FIELDS: Final = optional("fields", integer(1, 10_000), "The most fields of a head.", _STOCK.fields)
_TARGET: Final = optional("target", SIZE, "The longest request target.", _STOCK.target)
_HEAD_TIMEOUT: Final = optional("head_timeout", _TIME, "How long a head may take.", _STOCK.head_timeout)
_BODY: Final = optional("body", SIZE, "The largest body that a reverse listener takes.", _STOCK.body)
_BODY_IDLE: Final = optional("body_idle", _TIME, "How long a body may be silent.", _STOCK.body_idle)
_BODY_RATE: Final = optional(
    "body_rate", SIZE, "Bytes of a body that have to come every second; 0 for none.", _STOCK.body_rate
)
_MESSAGE: Final = optional("message", SIZE, "The largest message of a WebSocket.", _STOCK.message)
_CONNECTIONS: Final = optional("connections", integer(1, _MOST), "The most connections in all.", _STOCK.connections)
_PER_CLIENT: Final = optional(
    "connections_per_client", integer(1, _MOST), "The most connections of one client.", _STOCK.connections_per_client
)
_KEEP_ALIVE: Final = optional("keep_alive", _TIME, "How long a connection may ask nothing.", _STOCK.keep_alive)
_CONNECT: Final = optional(
    "connect_timeout", _TIME, "How long connecting to an upstream may take.", _STOCK.connect_timeout
)
_FIRST_BYTE: Final = optional("first_byte", _TIME, "How long an answer may take to begin.", _STOCK.first_byte)
_ANSWER_IDLE: Final = optional(
    "answer_idle", _TIME, "How long an answer may be silent, or not be taken.", _STOCK.answer_idle
)
_TUNNEL_IDLE: Final = optional(
    "tunnel_idle", _TIME, "How long a tunnel or a WebSocket may be silent.", _STOCK.tunnel_idle
)


def _limits(values: Values) -> Read[LimitSettings]:
    return LimitSettings(
        head=values[_HEAD],
        fields=values[_FIELDS],
        target=values[_TARGET],
        head_timeout=values[_HEAD_TIMEOUT],
        body=values[_BODY],
        body_idle=values[_BODY_IDLE],
        body_rate=values[_BODY_RATE],
        message=values[_MESSAGE],
        connections=values[_CONNECTIONS],
        connections_per_client=values[_PER_CLIENT],
        keep_alive=values[_KEEP_ALIVE],
        connect_timeout=values[_CONNECT],
        first_byte=values[_FIRST_BYTE],
        answer_idle=values[_ANSWER_IDLE],
        tunnel_idle=values[_TUNNEL_IDLE],
    )


LIMITS: Final = record(
    (
        *(_HEAD, _FIELDS, _TARGET, _HEAD_TIMEOUT, _BODY, _BODY_IDLE, _BODY_RATE, _MESSAGE, _CONNECTIONS, _PER_CLIENT),
        *(_KEEP_ALIVE, _CONNECT, _FIRST_BYTE, _ANSWER_IDLE, _TUNNEL_IDLE),
    ),
    _limits,
    wanted="limits, like `{head: 32KiB}`",
)
