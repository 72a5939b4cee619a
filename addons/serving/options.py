"""The hardened options: all that mitmproxy's layers ever get to see of options, frozen, one value each.

There is no Master and no option manager in the gateway, so that nothing can change a value while connections run, and
a layer that asks for an option that is not here fails, which closes its connection. mitmproxy's own Options object
also copies a value deeply whenever it is read, some twenty times per request.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from mitmproxy.options import Options

KEY_LOGS: Final = ("SSLKEYLOGFILE", "MITMPROXY_SSLKEYLOGFILE")
"""Variables that make TLS libraries write session keys to a file; mitmproxy reads them when it is imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerOptions:
    """What the layers read, by mitmproxy's names. Times are in seconds."""

    connection_strategy: str = "lazy"
    """Nothing is dialled before the gate has spoken."""
    rawtcp: bool = False
    """Bytes that are neither TLS nor HTTP are never relayed by a layer's own choice."""
    websocket: bool = True
    """A switch to WebSocket is known as such; whether it is let through is the policy's decision."""
    http2: bool = False
    http3: bool = False
    validate_inbound_headers: bool = True
    normalize_outbound_headers: bool = True
    stream_large_bodies: str | None = None
    """Bodies stream by our own decision, after the head was judged; the option would decide before it."""
    body_size_limit: str | None = None
    """Bodies are bounded where they are counted; the option holds for buffered ones alone."""
    store_streamed_bodies: bool = False
    keep_host_header: bool = True
    """The fields that name the host are rebuilt by the adapters."""
    upstream_cert: bool = False
    ssl_insecure: bool = False
    http_connect_send_host_header: bool = True
    http2_ping_keepalive: int = 0
    proxy_debug: bool = False
    tcp_timeout: int = 600
    """Never used: how long a silent connection is kept is decided by the phase that it is in."""


def for_layers(options: LayerOptions) -> Options:
    """The same object under the type that mitmproxy's constructors ask for."""
    return cast("Options", options)


def forget_key_logs() -> tuple[str, ...]:
    """Take the variables that leak session keys out of the environment, and say which there were."""
    return tuple(name for name in KEY_LOGS if os.environ.pop(name, None) is not None)
