"""What a client's connection is doing, and what our layers tell the handler beyond mitmproxy's own commands.

The handler keeps one deadline per connection. A phase that renews it is bounded by silence; the others are bounded
as a whole, so that one byte every few seconds keeps nothing alive (slowloris).
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Protocol

from mitmproxy.proxy import commands

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.connection import Connection, Server
    from mitmproxy.http import HTTPFlow

    from addons.tunnels.opening import Opening


class Phase(Enum):
    """What a client's connection is doing."""

    IDLE = auto()
    """Between two requests, or before the first."""
    HEAD = auto()
    """In the middle of a request's head."""
    HANDSHAKE = auto()
    """In a tunnel that has not yet shown what it carries, or in the TLS handshake."""
    EXCHANGE = auto()
    """A request is being judged, forwarded or answered."""
    TUNNEL = auto()
    """Bytes are passed on unread, or in a WebSocket."""


BOUNDED_AS_A_WHOLE: Final = frozenset({Phase.IDLE, Phase.HEAD, Phase.HANDSHAKE})
"""Phases in which traffic does not renew the deadline: pings and empty lines keep no idle connection open."""


class Enter(commands.Command):
    """The client's connection enters a phase."""

    def __init__(self, phase: Phase) -> None:
        self.phase: Final = phase


class Await(commands.RequestWakeup):
    """The connection enters a phase, and the layer is woken if the phase has not ended in time."""

    def __init__(self, phase: Phase) -> None:
        super().__init__(0.0)
        self.phase: Final = phase


class Sight(Protocol):
    """What can be seen of the sockets from outside of the layers."""

    def awaits(self, connection: Connection) -> bool:
        """Whether the gateway waits for the next bytes from there, and takes them at once."""

    def unsent(self, connection: Connection) -> int:
        """Bytes that wait to be written to there."""


class Watch(commands.RequestWakeup):
    """From now on `look` is asked at every sweep, with the time (monotonic, in seconds); yes wakes the layer.

    A layer that was woken yields it again, because the layers around it forget whom they have woken.
    """

    def __init__(self, look: Callable[[float, Sight], bool]) -> None:
        super().__init__(0.0)
        self.look: Final = look


class Hold(commands.Command):
    """Stop reading from a connection, or read on: what it sends cannot be used yet and is not to pile up.

    Without a connection, from the client's.
    """

    def __init__(self, *, held: bool, connection: Connection | None = None) -> None:
        self.held: Final = held
        self.connection: Final = connection


class HalfClose(commands.Command):
    """Tell one side of a tunnel that the other has said all; mitmproxy's layers would close it whole."""

    def __init__(self, connection: Connection) -> None:
        self.connection: Final = connection


class HandOver(commands.Command):
    """From here on a tunnel needs no layer: both sockets may be given to a relay, as soon as nothing waits in them.

    Until then, or where nobody can do that, the layer goes on passing bytes itself.
    """

    def __init__(self, server: Server, opening: Opening) -> None:
        self.server: Final = server
        self.opening: Final = opening


type Ask = Callable[[type[commands.StartHook], HTTPFlow], commands.StartHook | None]
"""Asks a hook about a flow at once. None says that it came to its end, and that the layer may go on.

Else the layer has to yield what comes back, as it does with any hook: it was asked already, and is waited for then.
"""


class Acquaint(commands.Command):
    """Find out who asks hooks: `ask` is the answer, as soon as this was yielded; None where nobody does it at once."""

    ask: Ask | None = None


class Cut(commands.Command):
    """End the client's connection so that nobody can take what it got for the whole."""
