"""Who is loaded: how each server is started in each role, or why it has none; and which release it is."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.bench.load import program
from tests.bench.matrix import in_c, in_python, ours
from tests.bench.matrix.places import Ends, Place, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROLES: Final = ("forward", "tunnel", "inspect", "reverse", "cached", "secure")
"""Forward proxy; tunnels unread; tunnels inspected; reverse proxy; with a cache; with TLS and HTTP/2."""

type Starting = Callable[[Place], Target] | str
"""What starts a subject, or why it cannot be had in that role."""

_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)+")
_NO_FORWARD: Final = "is a reverse proxy: it knows no forward requests and no CONNECT"
_NO_CACHE: Final = "has no cache"
_ONE_REQUEST: Final = "its reverse proxy leaves the second request of a connection unanswered"


@dataclass(frozen=True, slots=True)
class Subject:
    """A server. `needs` are programs; `lacks` says by workload what it cannot do in a role that it has otherwise."""

    name: str
    roles: Mapping[str, Starting]
    release: Callable[[], str]
    needs: tuple[str, ...] = ()
    lacks: Mapping[str, str] = field(default_factory=dict)

    def missing(self) -> str | None:
        """Which program is not here."""
        absent = [each for each in self.needs if program(each) is None and not Path(each).exists()]
        return f"{', '.join(absent)} is not installed (`make test-deps` does it)" if absent else None


def _packaged(name: str) -> Callable[[], str]:
    return lambda: version(name)


def _told(*command: str) -> Callable[[], str]:
    def ask() -> str:
        done = subprocess.run([str(program(command[0])), *command[1:]], capture_output=True, text=True, check=False)
        found = _NUMBER.search(done.stdout + done.stderr)
        return found[0] if found else "unknown"

    return ask


def _itself(origin: Callable[[Ends], int]) -> Callable[[Place], Target]:
    """An origin, without anything between."""
    return lambda place: Target(origin(place.ends), place.ends.live, authority=place.ends.root)


SUBJECTS: Final = (
    Subject(
        "origin alone",
        {
            "forward": _itself(lambda ends: ends.plain),
            "tunnel": _itself(lambda ends: ends.pour),
            "inspect": _itself(lambda ends: ends.secure),
            "reverse": _itself(lambda ends: ends.plain),
            "cached": _itself(lambda ends: ends.plain),
            "secure": _itself(lambda ends: ends.secure),
        },
        _told("nginx", "-v"),
        ("nginx",),
        {"refused": "an origin refuses nothing"},
    ),
    Subject(
        "wicketgate",
        {
            "forward": ours.forward,
            "tunnel": ours.tunnel,
            "inspect": ours.forward,
            "reverse": ours.reverse,
            "cached": ours.cached,
            "secure": ours.secure,
        },
        _packaged("wicketgate"),
    ),
    Subject(
        "mitmdump",
        {
            "forward": in_python.mitmdump_forward,
            "tunnel": in_python.mitmdump_tunnel,
            "inspect": in_python.mitmdump_inspect,
            "reverse": in_python.mitmdump_reverse,
            "cached": _NO_CACHE,
            "secure": in_python.mitmdump_secure,
        },
        _packaged("mitmproxy"),
        lacks={"sse": "keeps an answer until its end, which such a stream has not"},
    ),
    Subject(
        "proxy.py",
        {
            "forward": in_python.proxy_py_forward,
            "tunnel": in_python.proxy_py_forward,
            "inspect": in_python.proxy_py_inspect,
            "reverse": in_python.proxy_py_reverse,
            "cached": _NO_CACHE,
            "secure": "does not speak HTTP/2",
        },
        _packaged("proxy.py"),
        ("openssl",),
        dict.fromkeys(("reverse-1", "reverse", "reverse-256", "reverse-2000", "reverse-half"), _ONE_REQUEST),
    ),
    Subject(
        "Squid",
        {
            "forward": in_c.squid_forward,
            "tunnel": in_c.squid_forward,
            "inspect": in_c.squid_inspect,
            "reverse": in_c.squid_reverse,
            "cached": in_c.squid_cached,
            "secure": "does not speak HTTP/2",
        },
        _told("squid", "-v"),
        ("squid", in_c.CERTIFICATES),
    ),
    Subject(
        "tinyproxy",
        {
            "forward": in_c.tinyproxy_forward,
            "tunnel": in_c.tinyproxy_forward,
            "inspect": "cannot inspect TLS",
            "reverse": in_c.tinyproxy_reverse,
            "cached": _NO_CACHE,
            "secure": "does not speak HTTP/2",
        },
        _told("tinyproxy", "-v"),
        ("tinyproxy",),
        {"websocket": "does not pass the field `Upgrade` on"},
    ),
    Subject(
        "nginx",
        {
            "forward": _NO_FORWARD,
            "tunnel": _NO_FORWARD,
            "inspect": _NO_FORWARD,
            "reverse": in_c.nginx_reverse,
            "cached": in_c.nginx_cached,
            "secure": in_c.nginx_secure,
        },
        _told("nginx", "-v"),
        ("nginx",),
    ),
    Subject(
        "HAProxy",
        {
            "forward": _NO_FORWARD,
            "tunnel": _NO_FORWARD,
            "inspect": _NO_FORWARD,
            "reverse": in_c.haproxy_reverse,
            "cached": in_c.haproxy_cached,
            "secure": in_c.haproxy_secure,
        },
        _told("haproxy", "-v"),
        ("haproxy",),
    ),
)
