"""A reverse gateway in this process, in front of backends of every make, and all that is seen of them.

It has a listener for every face of it and every backend. What it dials is heard from the interpreter, what it records
is read from its log, and what a backend got is told by the backend.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from addons.connections.bounds import Bounds, Patience
from addons.serving.composition import compose
from gateway.config.endpoints import parse_server
from gateway.config.settings import (
    HostMatch,
    ListenerSettings,
    RouteSettings,
    Settings,
    UpstreamSettings,
)
from gateway.policy.addresses import Address, Network
from gateway.policy.model import Mode
from gateway.policy.names import Host
from tests.conformance.backends import Backend, Recorder, Seen, backends
from tests.conformance.table import REVERSE
from tests.conformance.watched import AskedResolver, Trail, Witness, soon
from tests.e2e.commands import PATIENCE, free_port
from tests.e2e.gateways import Running, Scenery, served
from tests.e2e.origins import BODY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.upstreams.clauses import PathTreatment

SERVER: Final = "app.internal"
"""The name under which the gateway knows its backends, and which nobody outside may learn."""
SELF: Final = "127.0.0.1"

_MARK: Final = {"time": "2026-01-01T00:00:00.000000Z", "event": "heartbeat", "idle": 0}
_OF_THE_LOG: Final = frozenset({"heartbeat", "key", "proof"})


@dataclass(frozen=True, slots=True)
class Face:
    """How the gateway is set up at a listener."""

    policy: str = "guarded"
    strict_paths: PathTreatment = "strict"
    trusted: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


FACES: Final = {
    "guarded": Face(),
    "redirecting": Face(strict_paths="redirect"),
    "rewriting": Face(strict_paths="rewrite"),
    "walled": Face(policy="walled", strict_paths="rewrite"),
    "trusting": Face(trusted=("127.0.0.0/8", "10.0.0.0/8", "2001:db8:1::/48")),
    "distrusting": Face(trusted=("10.0.0.0/8",)),
    "named": Face(hosts=("shop.example",)),
}
BACKENDS: Final = ("recorder", "httptools", "h11", "nginx")


@dataclass(slots=True)
class Guarded:
    """The gateway, its backends, and everything that is seen of them."""

    running: Running
    witness: Witness
    backends: dict[str, Backend]
    recorder: Recorder
    trail: Trail
    ports: dict[str, int]
    authority: Path
    trust: Path
    asked: int = field(default=0)

    @property
    def told(self) -> dict[str, str]:
        """What stands for the words in braces in a row."""
        from addons.serving.foundations import pseudonym  # noqa: PLC0415 - one word of the engine, for the rows about loops

        return {
            "{server}": f"{SERVER}:{self.recorder.port}",
            "{port}": str(self.recorder.port),
            "{via}": pseudonym(self.running.engine.settings.state),
            "{size}": str(len(BODY)),
        }

    def forget(self, answer: bytes | None, *, closes: bool) -> None:
        """A new row begins, in which the recorder answers with these bytes."""
        self.recorder.origin.forget()
        self.recorder.answer, self.recorder.closes = answer, closes
        self.witness.dials.clear()
        self.witness.questions.clear()

    def step(self) -> None:
        """Let the gateway's loop see what has arrived, and act on it."""
        for _ in range(3):
            self.running.call(lambda: None)

    def settled(self) -> list[dict[str, Any]]:
        """The records of the row, once every connection is over and everything is written."""
        engine = self.running.engine
        soon(lambda: self.running.call(lambda: len(engine.served) + len(engine.connections)) == 0, "it never ended")
        engine.writer.append_durable(dict(_MARK)).result(PATIENCE)
        return [record for record in self.trail.fresh() if record["event"] not in _OF_THE_LOG]

    def seen(self, backend: str) -> list[Seen]:
        """What arrived at a backend since the last time."""
        return self.backends[backend].seen()


@contextmanager
def guarded(folder: Path) -> Iterator[Guarded]:
    """Serve it all within this block."""
    with ExitStack() as stack:
        behind = stack.enter_context(backends(folder))
        recorder = behind["recorder"]
        assert isinstance(recorder, Recorder)
        settings = Settings(
            listeners=tuple(_listeners()),
            state=folder / "state",
            upstreams={name: _upstream(name, backend.port) for name, backend in behind.items()},
        )
        resolver = AskedResolver({SERVER: (Address.parse(SELF),)})
        bounds = Bounds(head=settings.limits.head, patience=Patience(head=0.5, handshake=0.5, exchange=20.0))
        scenery = Scenery(folder=folder, origin=0, bounds=bounds)
        witness = Witness()
        sys.addaudithook(witness.hear)
        running = stack.enter_context(served(scenery, compose(settings, resolver)))
        witness.is_watching = True
        stack.callback(setattr, witness, "is_watching", False)  # noqa: FBT003 - the name and the value of an attribute
        ports = {each.name: each.bind[1] for each in settings.listeners}
        trail, nobody = Trail(folder / "state" / "audit"), folder / "nobody.pem"
        found = Guarded(running, witness, behind, recorder, trail, ports, nobody, nobody)
        found.settled()
        yield found
        assert scenery.failures == [], "the gateway itself failed"


def _upstream(name: str, port: int) -> UpstreamSettings:
    return UpstreamSettings(name=name, servers=(parse_server(f"http://{SERVER}:{port}"),))


def _listeners() -> Iterator[ListenerSettings]:
    """One listener for every face and every backend."""
    for name, face in FACES.items():
        hosts = HostMatch("is", tuple(map(Host.parse, face.hosts))) if face.hosts else HostMatch()
        for backend in BACKENDS:
            yield ListenerSettings(
                name=f"{name}-{backend}",
                mode=Mode.REVERSE,
                bind=(Address.parse(SELF), free_port()),
                policy=REVERSE / "policies" / f"{face.policy}.yaml",
                routes=(RouteSettings(upstream=backend, hosts=hosts, strict_paths=face.strict_paths),),
                trusted_proxies=tuple(map(Network.parse, face.trusted)),
            )
