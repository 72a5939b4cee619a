"""A reverse listener with TLS or behind a balancer, in front of an origin that remembers every byte."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from addons.connections.bounds import Bounds, Patience
from addons.serving.composition import compose
from gateway.audit.records.events import stop_record
from gateway.config.settings import LimitSettings
from gateway.policy.addresses import Network
from tests.e2e import wire
from tests.e2e.gateways import Running, Scenery, served
from tests.e2e.origins import RecordingOrigin

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gateway.config.settings import ServerTlsSettings

BALANCER: Final = "127.0.0.7"
"""From here a PROXY header is wanted; every other address of loopback is a client's own."""
PATIENCE: Final = 15.0


@dataclass
class Door:
    """A gateway whose reverse listener is the front door, and its origin."""

    gateway: Running
    origin: RecordingOrigin

    def plain(self, source: str = "127.0.0.1", introduction: bytes = b"", port: int | None = None) -> wire.Wire:
        """A connection from an address of loopback, beginning with these bytes; to another `port`, if it is given."""
        there = ("127.0.0.1", port or self.gateway.reverse)
        stream = socket.create_connection(there, PATIENCE, source_address=(source, 0))
        stream.sendall(introduction)
        return wire.Wire(stream)

    def encrypted(
        self, name: str | None, context: ssl.SSLContext, source: str = "127.0.0.1", introduction: bytes = b""
    ) -> wire.Wire:
        """The same with TLS, asking for `name`."""
        plain = self.plain(source, introduction).socket
        return wire.Wire(context.wrap_socket(plain, server_hostname=name))

    @property
    def decisions(self) -> list[dict[str, Any]]:
        """The records of all decisions so far; what was said before this was asked is on the disk."""
        self.gateway.engine.writer.append_durable(stop_record(cause="asked by a test", now=0.0)).result(PATIENCE)
        return [record for record in self.gateway.records() if record["event"] == "decision"]

    @property
    def refusals(self) -> list[tuple[str, str | None]]:
        """Reason and sentence of everything that was refused so far."""
        said = [record["decision"] for record in self.decisions]
        return [(each["reason"], each["detail"]) for each in said if each["verdict"] == "deny"]


@contextmanager
def door(  # the ways in which front doors differ
    folder: Path,
    *,
    tls: ServerTlsSettings | None = None,
    balancers: Sequence[str] = (),
    trusted: Sequence[str] = (),
    policy: str = "",
    per_client: int = 200,
    http3: bool = False,
    bounds: Bounds | None = None,
    scheme: str = "http",
    port: int = 0,
    trust: Path | None = None,
    first: tuple[object, ...] = (),
    last: tuple[object, ...] = (),
) -> Iterator[Door]:
    """Serve within this block; what was recorded is on the disk behind it."""
    with RecordingOrigin() as origin:
        scenery = Scenery(
            folder=folder,
            origin=port or origin.port,
            scheme=scheme,
            trust=trust,
            policy=policy,
            first=first,
            last=last,
            limits=LimitSettings(connections_per_client=per_client),
            bounds=bounds or Bounds(patience=Patience(head=1.0, handshake=1.0)),
        )
        settings = scenery.settings()
        forward, reverse = settings.listeners
        named = tuple(map(Network.parse, balancers))
        forward = replace(forward, proxy_protocol=named)
        reverse = replace(
            reverse,
            tls=tls,
            http3=http3,
            proxy_protocol=named,
            trusted_proxies=tuple(map(Network.parse, trusted)),
        )
        with served(scenery, compose(replace(settings, listeners=(forward, reverse)))) as gateway:
            yield Door(gateway, origin)
