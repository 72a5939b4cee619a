"""A gateway with an origin of HTTP/1 and one of HTTP/2 behind it, for tests that talk HTTP/2 through it."""

from __future__ import annotations

import ssl
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from addons.connections.bounds import Bounds, Patience
from tests.e2e import origin as origins
from tests.e2e.commands import until
from tests.e2e.gateways import Scenery, serving
from tests.e2e.h2wire import H2Origin, Talk, hello, inside, talking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.gateways import Running
    from tests.e2e.origin import Origin

HOST = "origin.example"
POLICY = """
rules:
  - {id: no-secrets, action: deny, reason: not for you, when: {path: {prefix: [/refused]}}}
  - {id: no-large, action: deny, reason: too much, when: {request.size: {above: 300kB}, path: {prefix: [/small]}}}
  - {id: no-text, action: deny, reason: no answers like this, when: {response.type: [text/forbidden]}}
"""


@dataclass
class Stage:
    """What a test of HTTP/2 needs: the gateway, its two origins, and everything that failed inside."""

    gateway: Running
    h1: Origin
    h2_port: int
    h2: H2Origin
    failures: list[tuple[str, str]] = field(default_factory=list)

    def fresh(self) -> Stage:
        """The same, as if nothing had happened yet; whatever failed before was looked at."""
        self.h1.visits.clear()
        self.h1.answer, self.h1.serve = origins.HELLO, None
        self.h2.talks.clear()
        self.h2.reply, self.h2.at_head, self.h2.auto = hello, None, True
        self.failures.clear()
        return self

    @property
    def authority(self) -> Path:
        """Whom clients have to trust."""
        return self.gateway.folder / "state" / "ca" / "ca.pem"

    def port(self, *, h2: bool) -> int:
        """The port of an origin."""
        return self.h2_port if h2 else self.h1.port

    def host(self, *, h2: bool = False) -> str:
        """The authority of an origin."""
        return f"{HOST}:{self.port(h2=h2)}"

    @contextmanager
    def talk(self, *, h2: bool = False, auto: bool = True) -> Iterator[Talk]:
        """A client of HTTP/2 in a tunnel to the origin of HTTP/1, or that of HTTP/2."""
        with talking(self.gateway.forward, HOST, self.port(h2=h2), self.authority, auto=auto) as talk:
            yield talk

    @contextmanager
    def tls(self, *, h2: bool = False) -> Iterator[ssl.SSLSocket]:
        """A client of HTTP/1 in a tunnel."""
        with inside(self.gateway.forward, HOST, self.port(h2=h2), self.authority, "http/1.1") as tls:
            yield tls

    def settled(self) -> int:
        """How many records there are, as soon as nothing is under way any more."""

        def all_ended() -> bool:
            counted = Counter(each["event"] for each in self.gateway.records())
            return counted["decision"] == counted["end"]

        until(all_ended, "an exchange never ended")
        return len(self.gateway.records())

    def reasons(self) -> list[tuple[object, ...]]:
        """Verdict and reason of everything that was decided, in order."""
        return [each for each in self.gateway.exchanges() if each[0] != "end"]


@contextmanager
def staged(
    folder: Path,
    *,
    policy: str = POLICY,
    patience: Patience | None = None,
    bounds: Bounds | None = None,
    first: tuple[object, ...] = (),
    last: tuple[object, ...] = (),
) -> Iterator[Stage]:
    """Serve all of it within this block."""
    plain, many = origins.identity_for(folder, HOST), H2Origin()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    context.set_alpn_protocols(["h2"])
    with ExitStack() as closing:
        h1 = closing.enter_context(origins.origin(tls=plain.context))
        h2 = closing.enter_context(origins.origin(serve=many.serve, tls=context))
        scenery = Scenery(
            folder=folder,
            origin=h1.port,
            more_ports=(h2.port,),
            policy=policy,
            trust=plain.authority,
            bounds=bounds or Bounds(patience=patience or Patience()),
            first=first,
            last=last,
        )
        gateway = closing.enter_context(serving(scenery))
        yield Stage(gateway, h1, h2.port, many, scenery.failures)
