"""Peers written in Python: mitmdump with its own defaults, printing nothing; proxy.py with one process that serves."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import serialization

from tests.bench.matrix.known import BLOCKED
from tests.bench.matrix.places import Place, Target
from tests.e2e.commands import free_port

if TYPE_CHECKING:
    from collections.abc import Sequence

MITMDUMP: Final = str(Path(sys.executable).with_name("mitmdump"))
PROXY_PY: Final = str(Path(sys.executable).with_name("proxy"))
_PLUGIN: Final = """
import os
from proxy.http import Url
from proxy.http.server import ReverseProxyBasePlugin


class Bench(ReverseProxyBasePlugin):
    def routes(self):
        return [r"/.*"]

    def handle_route(self, request, pattern):
        live = request.path.startswith(b"/live")
        return Url.from_bytes(b"http://127.0.0.1:" + (b"{live}" if live else b"{plain}") + request.path)
"""


def mitmdump_forward(place: Place) -> Target:
    """Refuses one host, as its option `block_list` does."""
    return _mitmdump(place, ["regular"], [f"block_list=:~d ^{BLOCKED}$:403"])


def mitmdump_tunnel(place: Place) -> Target:
    """Ignores all hosts: passes tunnels on unread."""
    return _mitmdump(place, ["regular"], ["ignore_hosts=.*"])


def mitmdump_inspect(place: Place) -> Target:
    """Inspects; large bodies are passed on as they come, as everybody else does, and not kept until their end."""
    return _mitmdump(
        place, ["regular"], [f"ssl_verify_upstream_trusted_ca={place.ends.root}", "stream_large_bodies=1m"]
    )


def mitmdump_reverse(place: Place) -> Target:
    """In front of the pages, and on a second port of what speaks on and on."""
    ends = place.ends
    return _mitmdump(place, [f"reverse:http://127.0.0.1:{port}" for port in (ends.plain, ends.live)], [])


def mitmdump_secure(place: Place) -> Target:
    """In front of the pages, over TLS."""
    return _mitmdump(place, [f"reverse:http://127.0.0.1:{place.ends.plain}"], [f"certs={place.ends.identity}"])


def _mitmdump(place: Place, modes: Sequence[str], settings: Sequence[str]) -> Target:
    ports = [free_port() for _ in modes]
    command = [MITMDUMP, "-q", "--set", f"confdir={place.folder / 'mitmproxy'}"]
    command += [
        word for mode, port in zip(modes, ports, strict=True) for word in ("--mode", f"{mode}@127.0.0.1:{port}")
    ]
    command += [word for each in settings for word in ("--set", each)]
    pid = place.serve(command, ports[-1])
    return Target(ports[0], ports[-1], pid, place.folder / "mitmproxy" / "mitmproxy-ca-cert.pem")


def proxy_py_forward(place: Place) -> Target:
    """A forward proxy that passes tunnels on unread, and refuses one host."""
    plugin = "proxy.plugin.FilterByUpstreamHostPlugin"
    return _proxy_py(place, ["--plugins", plugin, "--filtered-upstream-hosts", BLOCKED])


def proxy_py_inspect(place: Place) -> Target:
    """The same, inspecting: its authority, and the key of all certificates that it makes, are given to it."""
    maker = place.ends.maker
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key = str(place.write("maker-key.pem", maker.key.private_bytes(*form).decode()))
    authority = place.write("maker.pem", maker.pem.decode())
    made = place.folder / "made"
    made.mkdir()
    command = ["--ca-key-file", key, "--ca-signing-key-file", key, "--ca-cert-file", str(authority)]
    command += ["--ca-cert-dir", str(made), "--ca-file", str(place.ends.root)]
    return _proxy_py(place, command, authority)


def proxy_py_reverse(place: Place) -> Target:
    """A reverse proxy: its routes are a plugin."""
    ends = place.ends
    place.write("benched.py", _PLUGIN.format(live=ends.live, plain=ends.plain))
    return _proxy_py(place, ["--enable-reverse-proxy", "--plugins", "benched.Bench"])


def _proxy_py(place: Place, settings: Sequence[str], authority: Path | None = None) -> Target:
    port = free_port()
    command = ["env", f"PYTHONPATH={place.folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}", PROXY_PY]
    command += ["--hostname", "127.0.0.1", "--port", str(port), "--num-workers", "1", "--num-acceptors", "1"]
    command += ["--log-level", "CRITICAL", "--backlog", "4096", "--open-file-limit", "16384"]
    command += ["--data-dir", str(place.folder / "data"), *settings]
    return Target(port, port, place.serve(command, port), authority)
