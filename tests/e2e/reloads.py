"""Clients that never pause while policies change, and what shows by which policy each of their requests was decided.

A policy leaves its number at four places, which are filled at three moments: the rule and the policy of the decision
that is recorded, a field of the request that the origin is sent (it says it back), and a field of the answer. Where
two policies have a hand in one request, they differ.
"""

from __future__ import annotations

import re
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.e2e.commands import PATIENCE, until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origin import Origin, Visit, origin
from tests.e2e.wire import Wire, connect, get

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

POLICY: Final = """\
version: 1
name: law-{number}
default: {{action: deny}}
unsafe_destinations: [127.0.0.0/8]
connect_ports: [{port}]
rules:
  - {{id: raw, action: allow, reason: Agreed, when: {{protocol: [tcp], host: {{under: [raw.example]}}}}}}
  - {{id: law-{number}, action: allow, reason: Law {number}, when: {{method: [GET]}}}}
headers:
  - request: {{set: {{X-Asked-Under: "{number}"}}}}
    response: {{set: {{X-Answered-Under: "{number}"}}}}
"""
_LAW: Final = re.compile(rb"\r\nx-asked-under: (\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Met:
    """One answer: its status, the policies that left their number, the one that was in force, and seconds."""

    status: int
    asked_under: int
    answered_under: int
    in_force: int
    seconds: float


@dataclass(slots=True)
class Asker:
    """A client with an address of its own, and what it met, in the order in which it asked."""

    address: str
    met: list[Met] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Laws:
    """A gateway whose policies are numbered. `in_force` is the newest that it said it has taken up."""

    proxy: Gateway
    behind: Origin
    release: threading.Event
    in_force: int = 0
    askers: list[Asker] = field(default_factory=list)

    def ask(self, wire: Wire, asker: Asker, path: str = "/a") -> None:
        """Ask once, and note what comes."""
        authority, began = f"shop.example:{self.behind.port}", time.perf_counter()
        answer = wire.ask(get(f"http://{authority}{path}", authority))
        answered = int(answer.get("x-answered-under") or -1)
        took = time.perf_counter() - began
        asker.met.append(Met(answer.status, int(answer.body or -1), answered, self.in_force, took))

    def replace(self, number: int) -> None:
        """Replace the policy in one go, as an editor does, and wait until the gateway says that it is in force."""
        fresh = self.proxy.folder / ".forward.yaml.new"
        fresh.write_text(POLICY.format(number=number, port=self.behind.port), encoding="utf-8")
        fresh.replace(self.proxy.folder / "forward.yaml")
        self.proxy.process.tell(signal.SIGHUP)
        until(lambda: _taken_up(self.proxy) >= number, "the policy was not read again")
        self.in_force = number

    def replace_under(self, number: int, asker: Asker) -> None:
        """Replace the policy while a request is at the origin: it has been asked, and has no answer yet."""
        self.release.clear()
        visits = len(self.behind.visits)
        with connect(self.proxy.forward, source=asker.address) as wire:
            asking = threading.Thread(target=self.ask, args=(wire, asker, "/held"))
            asking.start()
            until(lambda: any(b"GET /held" in each.data for each in self.behind.visits[visits:]), "nothing was asked")
            self.replace(number)
            self.release.set()
            asking.join(PATIENCE)
            self.ask(wire, asker)

    @contextmanager
    def asking(self, clients: int) -> Iterator[None]:
        """Let so many clients ask within this block, one request after the other, each on one connection."""
        over = threading.Event()

        def ask_on(asker: Asker) -> None:
            try:
                with connect(self.proxy.forward, source=asker.address) as wire:
                    while not over.is_set():
                        self.ask(wire, asker)
            except Exception as error:  # noqa: BLE001 - whatever a client meets is told by whoever looks at it
                asker.failures.append(repr(error))

        made = [Asker(f"127.0.7.{number}") for number in range(1, clients + 1)]
        threads = [threading.Thread(target=ask_on, args=(each,)) for each in made]
        self.askers += made
        for each in threads:
            each.start()
        try:
            yield
        finally:
            over.set()
            for each in threads:
                each.join(PATIENCE)


def _taken_up(proxy: Gateway) -> int:
    return sum("the policy was read again" in line for line in proxy.process.err)


@contextmanager
def laws(folder: Path) -> Iterator[Laws]:
    """Run the gateway, with the policy 0, and its origin within this block."""
    release = threading.Event()

    def serve(connection: socket.socket, visit: Visit) -> None:
        """Say to every request which law it was asked under; an echo to everybody else."""
        while piece := connection.recv(65536):
            visit.data += piece
            if b"GET /held" in piece:
                release.wait(PATIENCE)
            law = _LAW.search(piece)
            said = b"" if law is None else law[1]
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(said)
            connection.sendall(head + said if piece.startswith(b"GET ") else piece)

    watching = {"reload": {"watch": False}}
    with origin(serve=serve) as behind:
        first = POLICY.format(number=0, port=behind.port)
        with gateway(folder, forward=first, names={".example": ["127.0.0.1"]}, settings=watching) as proxy:
            yield Laws(proxy, behind, release)


def mixed(records: list[dict[str, Any]], askers: list[Asker]) -> list[str]:
    """Every request on which more than one policy left its mark, or one that was not in force while it was there.

    A request may be judged by any policy between the one that was in force when the one before it on its connection was
    judged, and the newest one on record.
    """
    found, newest = list[str](), -1
    since: dict[str, int] = {}
    decided: dict[str, list[int]] = {each.address: [] for each in askers}
    for record in records:
        match record:
            case {"event": "policy", "outcome": "loaded", "policy": {"name": name}}:
                newest = int(name.removeprefix("law-"))
            case {"event": "decision", "client": {"ip": address}, "policy": {"name": name}, "decision": decision}:
                if address not in decided:
                    continue
                number = int(name.removeprefix("law-"))
                if decision["rule"] != name:
                    found.append(f"{record['id']}: decided by {decision['rule']}, under {name}")
                if not since.get(address, 0) <= number <= newest:
                    found.append(f"{record['id']}: {name} was not in force")
                since[address] = number
                decided[address].append(number)
    for each in askers:
        marks = [(met.asked_under, met.answered_under) for met in each.met]
        wanted = [(number, number) for number in decided[each.address]]
        found += [
            f"{each.address}: {met} is on record as {want}"
            for met, want in zip(marks, wanted, strict=False)
            if met != want
        ]
        if len(marks) != len(wanted):
            found.append(f"{each.address}: {len(marks)} answers, {len(wanted)} decisions")
    return found
