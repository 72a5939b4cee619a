"""How much the layers gather of anything, and how long they wait for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from addons.phases import Phase

if TYPE_CHECKING:
    from gateway.config.settings import LimitSettings

KIB: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds that each phase may be silent, or may last."""

    idle: float = 75.0
    head: float = 10.0
    handshake: float = 10.0
    exchange: float = 60.0
    tunnel: float = 3600.0

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
                return self.exchange
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
            patience=Patience(head=limits.head_timeout),
        )
