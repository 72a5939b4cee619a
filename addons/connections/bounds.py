"""How much the layers gather of anything, and how long they wait for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from addons.connections.phases import Phase

if TYPE_CHECKING:
    from gateway.config.settings import LimitSettings

KIB: Final = 1024
_BACKSTOP: Final = 120.0
"""Exchanges are watched one by one (see `addons.connections.watching`).

This much later their connection ends, if nobody did.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds that each phase may be silent, or may last.

    In an exchange, `body` is how long the client's body may be silent, with a second more in all for every `body_rate`
    bytes that came (0: however slow it is); `exchange` is how long an answer may be silent on its way, and
    `first_byte` how long its beginning may take, if that is not the same.
    """

    idle: float = 75.0
    head: float = 10.0
    handshake: float = 10.0
    body: float = 30.0
    body_rate: int = 500
    first_byte: float | None = None
    exchange: float = 60.0
    tunnel: float = 3600.0

    @property
    def answer(self) -> float:
        """How long the beginning of an answer may take."""
        return self.exchange if self.first_byte is None else self.first_byte

    def of(self, phase: Phase) -> float:
        """The bound of a phase."""
        match phase:
            case Phase.IDLE:
                return self.idle
            case Phase.HEAD:
                return self.head
            case Phase.HANDSHAKE:
                return self.handshake
            case Phase.EXCHANGE:
                return max(self.body, self.answer, self.exchange) + _BACKSTOP
            case Phase.TUNNEL:
                return self.tunnel


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Sizes in bytes.

    Of a request's head, of an answer's, of a tunnel's opening, of what is sent ahead of its turn, of a message of a
    WebSocket.
    """

    head: int = 32 * KIB
    answer_head: int = 64 * KIB
    opening: int = 64 * KIB
    ahead: int = 64 * KIB
    message: int = 16 * KIB * KIB
    patience: Patience = field(default_factory=Patience)

    @classmethod
    def of(cls, limits: LimitSettings) -> Bounds:
        """The bounds that a configuration sets, the others as they are."""
        return cls(
            head=limits.head,
            ahead=2 * limits.head,
            message=limits.message,
            patience=Patience(
                idle=limits.keep_alive,
                head=limits.head_timeout,
                handshake=limits.head_timeout,
                body=limits.body_idle,
                body_rate=limits.body_rate,
                first_byte=limits.first_byte,
                exchange=limits.answer_idle,
                tunnel=limits.tunnel_idle,
            ),
        )
