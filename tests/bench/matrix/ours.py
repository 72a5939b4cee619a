"""The gateway as a subject: the shipped policies with every rule and guard of them, and its audit log.

What is changed in them: the numbers that a load from one address breaks (requests a minute, requests at once,
connections), the destinations, which are this machine, and for tunnels that they are passed on unread.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tests.bench import bench_inspected, bench_reverse
from tests.bench.load import Wrong
from tests.bench.matrix.known import HOST
from tests.bench.matrix.places import Place, Target
from tests.e2e.commands import COMMAND, free_port

if TYPE_CHECKING:
    from pathlib import Path

_AT_ONCE: Final = "concurrent: 128}"
_SPLICED: Final = "\n  splice:\n"
_TUNNELS: Final = '    - {id: bench-tunnels, reason: Measured unread, when: {host: {is: ["127.0.0.1"]}}}\n'
_LIMITS: Final = {"connections": 4_000, "connections_per_client": 4_000}


def forward(place: Place) -> Target:
    """A forward proxy under `corporate`."""
    return _forward(place, spliced=False)


def tunnel(place: Place) -> Target:
    """The same, and tunnels to this machine's address are passed on unread."""
    return _forward(place, spliced=True)


def reverse(place: Place) -> Target:
    """A reverse gateway under `api`, in front of the pages and of what speaks on and on."""
    return _reverse(place, {"upstream": "app"})


def cached(place: Place) -> Target:
    """The same with a cache."""
    return _reverse(place, {"upstream": "app", "cache": {"enabled": True}})


def secure(place: Place) -> Target:
    """The same over TLS, where clients may speak HTTP/2."""
    identity = str(place.ends.identity)
    return _reverse(place, {"upstream": "app"}, tls={"certificates": [{"certificate": identity, "key": identity}]})


def _forward(place: Place, *, spliced: bool) -> Target:
    port, ends = free_port(), place.ends
    policy = _without_bound(bench_inspected.bench_policy(place.folder, ends.secure))
    text = policy.read_text(encoding="utf-8")
    text = text.replace(f"connect_ports: [443, {ends.secure}]", f"connect_ports: [443, {ends.secure}, {ends.pour}]")
    policy.write_text(text.replace(_SPLICED, _SPLICED + _TUNNELS) if spliced else text, encoding="utf-8")
    listener = {"name": "egress", "mode": "forward", "bind": f"127.0.0.1:{port}", "policy": str(policy)}
    more = {"resolver": {"hosts": {HOST: ["127.0.0.1"]}}, "upstream_tls": {"trust": [str(ends.root)]}}
    return _run(place, port, {"listeners": [listener], **more})


def _reverse(place: Place, route: dict[str, Any], **more: Any) -> Target:
    port, ends = free_port(), place.ends
    policy = _without_bound(bench_reverse.bench_policy(place.folder))
    routes = [{"path": {"prefix": ["/live"]}, "upstream": "live"}, route]
    listener = {"name": "shop", "mode": "reverse", "bind": f"127.0.0.1:{port}", "policy": str(policy)}
    ports = {"app": ends.plain, "live": ends.live}
    upstreams = {name: {"servers": [{"url": f"http://127.0.0.1:{each}"}]} for name, each in ports.items()}
    return _run(place, port, {"listeners": [{**listener, "routes": routes, **more}], "upstreams": upstreams})


def _run(place: Place, port: int, settings: dict[str, Any]) -> Target:
    whole = {"version": 1, "state": "state", "limits": _LIMITS, **settings}
    config = place.write("wicketgate.yaml", json.dumps(whole))
    pid = place.serve([COMMAND, "run", "--config", str(config)], port)
    state = place.folder / "state"
    return Target(port, port, pid, state / "ca" / "ca.pem", state / "audit")


def _without_bound(policy: Path) -> Path:
    text = policy.read_text(encoding="utf-8")
    if text.count(_AT_ONCE) != 1:
        raise Wrong(f"the shipped policy has no longer exactly one `{_AT_ONCE}`")
    policy.write_text(text.replace(_AT_ONCE, "concurrent: 100000}"), encoding="utf-8")
    return policy
