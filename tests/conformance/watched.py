"""A gateway in this process that can do nothing unseen: what it dials, whom it asks, what origins get, what it records.

The interpreter itself tells of every connection and every look-up that is not the client's own (`sys.addaudithook`), so
no way of dialling escapes it, and whatever would leave loopback is stopped there. Origins stand at every address of
loopback that a request could be led to, all on the same ports.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from addons.connections.bounds import Bounds, Patience
from addons.serving.composition import compose
from gateway.config.settings import ListenerSettings, Settings, UpstreamTlsSettings
from gateway.policy.addresses import Address
from gateway.policy.model import Mode
from gateway.upstreams.lookup import NO_SUCH_NAME, LookupFailed, System
from gateway.upstreams.resolver import Resolver, ResolverBounds
from tests.conformance.table import FOLDER
from tests.e2e.commands import PATIENCE, free_port
from tests.e2e.gateways import Running, Scenery, served
from tests.e2e.origins import ANSWER, BODY, RecordingOrigin, make_authority

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gateway.policy.names import Host

OPEN: Final = "127.0.0.2"
"""The one address that the policy `egress` opens."""
CLOSED: Final = ("127.0.0.1", "127.0.0.3", "::1")
"""Where nothing may ever arrive under that policy: an origin stands at each of them."""

NAMES: Final = {
    ".example": [OPEN],
    "inside.example": ["127.0.0.1"],
    "mixed.example": [OPEN, "10.0.0.5"],
    "mixed-last.example": ["10.0.0.5", OPEN],
    "mixed-six.example": [OPEN, "::1"],
    "metadata.example": ["169.254.169.254"],
    "shared.example": ["100.64.0.1"],
    "six.example": ["::1"],
    "local.example": ["fd00::1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "translated.example": ["64:ff9b::7f00:1"],
    "tunnelled.example": ["2002:7f00:1::"],
    "zero.example": ["0.0.0.0"],
    "nowhere.example": [],
    "xn--bcher-kva.example": ["127.0.0.1"],
}
"""What the resolver is told; `.example` is every other name there."""

TURNING: Final = {"turning.test": [[OPEN], ["127.0.0.1"]], "turned.test": [["127.0.0.1"], [OPEN]]}
"""Names whose name server says something else every time it is asked, in turn."""

_TLS_NAMES: Final = ("open.example", "bank.example", "other.example", "games.example")
_MARK: Final = {"time": "2026-01-01T00:00:00.000000Z", "event": "heartbeat", "idle": 0}
_OF_THE_LOG: Final = frozenset({"heartbeat", "key", "proof"})
"""A record of the test's own between two rows: when it is on the disk, so is everything before it."""
_DIALS: Final = "socket.connect"
_QUESTIONS: Final = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"})


@dataclass(slots=True)
class Witness:
    """Hears of every connection and every question of this process but those of the `client`'s thread."""

    client: int = field(default_factory=threading.get_ident)
    dials: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    is_watching: bool = False

    def hear(self, event: str, details: tuple[Any, ...]) -> None:
        """Take an event of the interpreter down; raises ConnectionError for what would leave loopback."""
        if not self.is_watching or threading.get_ident() == self.client:
            return
        if event == _DIALS and details[0].type == socket.SOCK_STREAM:
            host, port = details[1][:2]
            self.dials.append(f"{host} {port}")
            if not ip_address(host).is_loopback:
                raise ConnectionError("no test leaves the machine")
        elif event in _QUESTIONS:
            self.questions.append(f"{event} {details}")
            raise ConnectionError("no test asks a name server")


class AskedResolver(Resolver):
    """The gateway's resolver, that writes down what it is asked."""

    def __init__(self, hosts: dict[str, tuple[Address, ...]]) -> None:
        super().__init__(hosts, source=System(lookup=self._turn), bounds=ResolverBounds(keep=0.0, keep_failure=0.0))
        self.asked: list[str] = []
        self._turns: dict[str, int] = {}

    async def resolve(self, host: Host) -> tuple[Address, ...]:
        """Answer as ever. An address that is asked for is no question."""
        if host.address is None:
            self.asked.append(host.text)
        return await super().resolve(host)

    def _turn(self, name: str) -> tuple[Address, ...]:
        if name not in TURNING:
            raise LookupFailed(NO_SUCH_NAME)
        turn = self._turns.get(name, 0)
        self._turns[name] = turn + 1
        answers = TURNING[name][turn % len(TURNING[name])]
        return tuple(map(Address.parse, answers))


@dataclass(slots=True)
class Trail:
    """What the gateway has written since it was last asked."""

    folder: Path
    _read: dict[Path, int] = field(default_factory=dict)

    def fresh(self) -> list[dict[str, Any]]:
        """The records that came since, in order."""
        found = []
        for path in sorted(self.folder.glob("*.jsonl")):
            with path.open("rb") as lines:
                lines.seek(self._read.get(path, 0))
                data = lines.read()
            self._read[path] = self._read.get(path, 0) + len(data)
            found += [json.loads(line) for line in data.splitlines()]
        return found


@dataclass(slots=True)
class Watched:
    """The gateway, its origins, and everything that is seen of them."""

    running: Running
    witness: Witness
    resolver: AskedResolver
    origins: dict[tuple[str, bool], RecordingOrigin]
    trail: Trail
    ports: dict[str, int]
    authority: Path
    trust: Path

    @property
    def told(self) -> dict[str, str]:
        """What stands for the words in braces in a row."""
        plain, tls = self.origins[OPEN, False].port, self.origins[OPEN, True].port
        listeners = {f"{{{name}}}": str(port) for name, port in self.ports.items()}
        return {"{port}": str(plain), "{tls}": str(tls), "{via}": self.pseudonym, "{size}": str(len(BODY)), **listeners}

    @property
    def pseudonym(self) -> str:
        """The gateway's name in Via."""
        from addons.serving.foundations import pseudonym  # noqa: PLC0415 - one word of the engine, for the rows about loops

        return pseudonym(self.running.engine.settings.state)

    def forget(self, answer: bytes = ANSWER) -> None:
        """A new row begins, in which origins answer with this head."""
        for origin in self.origins.values():
            origin.forget()
            origin.answer = answer
        self.witness.dials.clear()
        self.witness.questions.clear()
        self.resolver.asked.clear()

    def step(self) -> None:
        """Let the gateway's loop see what has arrived, and act on it."""
        for _ in range(3):
            self.running.call(lambda: None)

    def _is_accepted(self) -> bool:
        """Whether origins know of every connection that was made to them: it stands before it is accepted."""
        made = Counter(self.witness.dials)
        return all(len(each.visits) >= made[f"{host} {each.port}"] for (host, _), each in self.origins.items())

    def settled(self) -> list[dict[str, Any]]:
        """The records of the row, once every connection is over and everything is written."""
        engine = self.running.engine
        soon(lambda: self.running.call(lambda: len(engine.served) + len(engine.connections)) == 0, "it never ended")
        soon(self._is_accepted, "an origin never took a connection that stands")
        engine.writer.append_durable(dict(_MARK)).result(PATIENCE)
        return [record for record in self.trail.fresh() if record["event"] not in _OF_THE_LOG]


@contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    """Serve one gateway, with a listener for every policy of the table, within this block."""
    with ExitStack() as stack:
        authority = make_authority(folder / "authority.pem")
        origins = _origins(stack, authority.context(*_TLS_NAMES))
        ports = f"{origins[OPEN, False].port}, {origins[OPEN, True].port}"
        listeners = tuple(_listeners(folder, ports))
        settings = Settings(
            listeners=listeners,
            state=folder / "state",
            upstream_tls=UpstreamTlsSettings(trust=(authority.file,)),
        )
        resolver = AskedResolver({name: tuple(map(Address.parse, found)) for name, found in NAMES.items()})
        bounds = Bounds(head=settings.limits.head, patience=Patience(head=0.5, handshake=0.5, exchange=5.0))
        scenery = Scenery(folder=folder, origin=0, bounds=bounds)
        witness = Witness()
        sys.addaudithook(witness.hear)
        running = stack.enter_context(served(scenery, compose(settings, resolver)))
        witness.is_watching = True
        stack.callback(setattr, witness, "is_watching", False)  # noqa: FBT003 - the name and the value of an attribute
        trail = Trail(folder / "state" / "audit")
        found = Watched(
            running=running,
            witness=witness,
            resolver=resolver,
            origins=origins,
            trail=trail,
            ports={each.name: each.bind[1] for each in listeners},
            authority=folder / "state" / "ca" / "ca.pem",
            trust=authority.file,
        )
        found.settled()
        yield found
        assert scenery.failures == [], "the gateway itself failed"


def soon(condition: Callable[[], bool], what: str) -> None:
    """Wait for what takes a few milliseconds, hundreds of times."""
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, what
        time.sleep(0.001)


def _origins(stack: ExitStack, context: ssl.SSLContext) -> dict[tuple[str, bool], RecordingOrigin]:
    """One origin at each address, with TLS and without: all of a kind on one port."""
    found: dict[tuple[str, bool], RecordingOrigin] = {}
    for tls in (False, True):
        port = free_port()
        for host in (OPEN, *CLOSED):
            origin = RecordingOrigin(host=host, tls=context if tls else None, listens_at=port)
            found[host, tls] = stack.enter_context(origin)
    return found


def _listeners(folder: Path, ports: str) -> Iterator[ListenerSettings]:
    """One listener for every policy, with the ports of the origins and of all listeners written into it."""
    own = {path: free_port() for path in sorted((FOLDER / "policies").glob("*.yaml"))}
    for path, port in own.items():
        text = path.read_text("utf-8").replace("{ports}", ports).replace("{own}", ", ".join(map(str, own.values())))
        policy = folder / path.name
        policy.write_text(text, encoding="utf-8")
        bind = (Address.parse("127.0.0.1"), port)
        yield ListenerSettings(name=path.stem, mode=Mode.FORWARD, bind=bind, policy=policy)
