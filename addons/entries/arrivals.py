"""Who arrives without a CONNECT, and wants a tunnel all the same: judged like one, and recorded like one.

A SOCKS request says where it goes; of a redirected connection the server name in its TLS hello says it, or, where
nothing names the host, the address that it was on its way to. Either becomes the host and port of a tunnel, and the
gate is asked as for a CONNECT, before anything else that is known of the tunnel is judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from addons.entries.destination import came_straight
from addons.judging.exchange import known
from addons.judging.heads import Unnameable
from addons.judging.translate import connection_facts, server_name
from gateway.policy.addresses import Address
from gateway.policy.model import ABSENT, Missing, Reason, refuse
from gateway.policy.names import Host

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.connection import Client
    from mitmproxy.proxy.server_hooks import ServerConnectionHookData
    from mitmproxy.tls import ClientHello

    from addons.entries.handshake import Handshake
    from addons.judging.admission import Admission
    from addons.judging.exchange import Connections, ConnectionState
    from addons.judging.recording import Recorder
    from addons.tunnels.opening import Opening
    from gateway.policy.model import Decision

_STRAIGHT: Final = "Nothing redirected this connection here"
_LOOP: Final = "The connection comes from this gateway itself"


class Arrivals:
    """The hooks of entries that know no CONNECT. Goes before the hooks that look into tunnels.

    `clock` gives seconds since the epoch, UTC.
    """

    def __init__(
        self, admission: Admission, connections: Connections, recorder: Recorder, clock: Callable[[], float]
    ) -> None:
        self._admission: Final = admission
        self._connections: Final = connections
        self._recorder: Final = recorder
        self._clock: Final = clock
        self._own: Final[dict[str, tuple[Address, int]]] = {}

    def client_connected(self, client: Client) -> None:
        """Close a connection to a transparent listener that nothing redirected: it would go to the listener itself."""
        state = self._connections.state(client.id)
        if state.listener.settings.entry != "transparent" or client.error is not None:
            return
        if came_straight(state.original, client.sockname):
            client.error = "refused"
            self._refuse(state, refuse(Reason.PROTOCOL_REFUSED, _STRAIGHT))

    def socks_asked(self, handshake: Handshake) -> None:
        """Ask the gate for the tunnel that a SOCKS request wants."""
        if handshake.asked is None:
            raise LookupError("a SOCKS request that asks for nothing")
        state = self._connections.state(handshake.client.id)
        handshake.refused = self._admission.enter(state, handshake.asked.host, handshake.asked.port)
        handshake.admitted = handshake.refused is None

    def socks_broken(self, handshake: Handshake) -> None:
        """Record a handshake that came to nothing."""
        if handshake.decision is None:
            raise LookupError("a broken handshake without its problem")
        self._refuse(self._connections.state(handshake.client.id), handshake.decision)

    def tunnel_hello(self, opening: Opening) -> None:
        """Enter the tunnel of a redirected connection that opened with TLS, under the name in its hello."""
        state = self._connections.state(opening.client.id)
        if state.original is None or state.in_tunnel:
            return
        if opening.hello is None:
            raise LookupError("a hello without its words")
        self._name(state, opening.hello)

    def tunnel_raw(self, opening: Opening) -> None:
        """Enter the tunnel of a redirected connection that named no host."""
        state = self._connections.state(opening.client.id)
        if state.original is not None and not state.in_tunnel:
            self._name(state, None)

    def _name(self, state: ConnectionState, hello: ClientHello | None) -> None:
        """Enter the tunnel, or leave it marked as refused, which the hooks behind this one heed."""
        address, port = known(ABSENT if state.original is None else state.original)
        try:
            name = ABSENT if hello is None else server_name(hello)
        except Unnameable as problem:
            state.treatment = "refuse"
            self._refuse(state, problem.refusal.decision)
            return
        if (state.peer, state.port) in self._own.values():
            state.treatment = "refuse"
            self._refuse(state, refuse(Reason.PROTOCOL_REFUSED, _LOOP))
        elif self._admission.enter(state, Host.of(address) if isinstance(name, Missing) else name, port) is not None:
            state.treatment = "refuse"

    def _refuse(self, state: ConnectionState, decision: Decision) -> None:
        exchange = self._connections.begin(state, connection_facts(state, self._clock()))
        self._recorder.refused(exchange, decision, status=None, down=0)

    def server_connected(self, data: ServerConnectionHookData) -> None:
        """Remember from where this gateway dials: a rule that redirects its own connections would make a loop."""
        if data.server.sockname is not None:
            self._own[data.server.id] = (Address.parse(data.server.sockname[0]), data.server.sockname[1])

    def server_disconnected(self, data: ServerConnectionHookData) -> None:
        """Forget from where a connection that is gone was dialled."""
        self._own.pop(data.server.id, None)
