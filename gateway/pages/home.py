"""The gateway's own name, its own paths, and who may ask for them without going through the proxy.

`http://wicketgate.internal/` is answered by the gateway and never resolved or dialled. Browsers fetch a proxy
auto-configuration before they have a proxy, so the same paths are served to a plain request at the listener itself,
under names that no stranger can point at it: its own address, the name it was configured with, its own name. Only
`/wpad.dat` is served under `wpad.<anything>` too, which is how browsers find it.

Source: RFC 9112 section 3.2.1 (origin-form); the WPAD draft (draft-ietf-wrec-wpad-01); the `internal` domain is
reserved for private use by ICANN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.policy.addresses import Address, Network
from gateway.policy.errors import Malformed
from gateway.policy.names import Host, parse_authority

type Authority = tuple[Host, int]

NAME: Final = Host.parse("wicketgate.internal")
"""The name under which the gateway answers for itself."""
PORT: Final = 80
PAC: Final = "/proxy.pac"
WPAD: Final = "/wpad.dat"
WELCOME: Final = frozenset({"/", "/welcome"})
CERTIFICATES: Final = frozenset({"/ca.pem", "/ca.der", "/ca.p12", "/ca.mobileconfig"})
PATHS: Final = WELCOME | CERTIFICATES | {PAC, WPAD}
METHODS: Final = ("GET", "HEAD")

_LOCALHOST: Final = Host.parse("localhost")
_LOOPBACK: Final = (Network.parse("127.0.0.0/8"), Network.parse("::1/128"))
_DISCOVERY: Final = "wpad"


@dataclass(frozen=True, slots=True)
class Home:
    """Where a client reached the gateway: the address and port of its socket, and the name it is configured with.

    `is_proxy` says that HTTP to a proxy is spoken there, and not SOCKS, or nothing of the kind.
    """

    reached: tuple[str, int]
    known_as: Authority | None = None
    is_proxy: bool = True

    def proxy_for(self, asked_at: str | None) -> str | None:
        """The address of the proxy, `host:port`, for a client that asked at this Host, or through the proxy (None).

        None if it came to a place that is no such proxy, and none was configured.
        """
        if self.known_as is None and not self.is_proxy:
            return None
        host, port = self.known_as or (self._reached if asked_at is None else parse_authority(asked_at, PORT))
        return host.authority(port)

    @property
    def _reached(self) -> Authority:
        address, port = self.reached
        return Host.of(Address.parse(address.partition("%")[0])), port

    def is_asked(self, method: str, target: str, host: str | None) -> bool:
        """Whether a request in origin-form asks the gateway itself: for one of its pages, under a name of its own."""
        path = target.partition("?")[0]
        if method not in METHODS or path not in PATHS or host is None:
            return False
        try:
            name, port = parse_authority(host, PORT)
        except Malformed:
            return False
        if name == NAME or (path == WPAD and name.labels()[:1] == (_DISCOVERY,)):
            return True
        return (name, port) == self.known_as or self._is_reached_at(name, port)

    def _is_reached_at(self, name: Host, port: int) -> bool:
        own, own_port = self._reached
        if port != own_port:
            return False
        return name == own or (name == _LOCALHOST and _is_loopback(own))


def _is_loopback(host: Host) -> bool:
    return host.address is not None and any(host.address in network for network in _LOOPBACK)
