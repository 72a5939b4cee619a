"""A gateway as its operator runs it: written configuration, installed command, real ports; and its log read back."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.cli.ordering import ordered
from gateway.cli.outcome import Unusable
from gateway.control.channel import Order
from tests.e2e.commands import Running, free_port, rest_of, running, until
from tests.e2e.trail import Record, check_trail, read_log
from tests.e2e.wire import Answer, Wire, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

CLOSING = b"Connection: close\r\n"


@dataclass(slots=True)
class Gateway:
    """A gateway that runs. `answered` collects the decision ids that clients were told."""

    process: Running
    folder: Path
    forward: int
    reverse: int
    answered: list[str] = field(default_factory=list)

    @property
    def state(self) -> Path:
        """Its state folder."""
        return self.folder / "state"

    def records(self) -> list[Record]:
        """What was recorded until now: what was accepted gets a moment to reach the disk."""
        rest_of(lambda: _waiting(self.state))
        return read_log(self.state / "audit")

    def record(self, decision: str, event: str = "decision") -> Record:
        """The record of an exchange, as soon as it is there."""
        return self.wait_for(lambda each: (each["event"], each.get("id")) == (event, decision))

    def wait_for(self, wanted: Callable[[Record], bool]) -> Record:
        """The one record that is wanted, as soon as it is there."""
        found: list[Record] = []

        def there() -> bool:
            found[:] = [each for each in self.records() if wanted(each)]
            return bool(found)

        until(there, "the record never came")
        assert len(found) == 1
        return found[0]

    def decision(self, answer: Answer) -> dict[str, Any]:
        """What the log says of a refusal that a client got: the same reason and rule, and the same status."""
        self.answered.append(answer.decision)
        decided: dict[str, Any] = self.record(answer.decision)["decision"]
        assert (decided["status"], decided["reason"], decided["rule"]) == answer.verdict
        return decided

    def through(self) -> Wire:
        """A connection to the forward listener."""
        return connect(self.forward)

    def front(self) -> Wire:
        """A connection to the reverse listener."""
        return connect(self.reverse)

    def refusal(self, request: bytes, *, reverse: bool = False) -> tuple[int, str, str | None]:
        """Status, reason and rule of the refusal of one request on a connection of its own, checked with the log."""
        with self.front() if reverse else self.through() as wire:
            answer = wire.ask(request)
        self.decision(answer)
        return answer.verdict


def _waiting(state: Path) -> int:
    """How many records of a gateway are not on the disk yet; none of one that cannot be asked."""
    try:
        waiting: int = ordered(state, Order("status"), patience=1.0)["audit"]["waiting"]
    except Unusable:
        return 0
    return waiting


@contextmanager
def gateway(
    folder: Path,
    *,
    forward: str | None = None,
    reverse: str | None = None,
    upstreams: Sequence[str] | Mapping[str, Sequence[str]] = (),
    routes: Sequence[Mapping[str, Any]] = ({"upstream": "app"},),
    names: Mapping[str, Sequence[str]] | None = None,
    entry: str = "proxy",
    settings: Mapping[str, Any] | None = None,
    listener: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    command: Sequence[str] = (),
    whole: bool = True,
    code: int = 0,
) -> Iterator[Gateway]:
    """Run a gateway in this block; its log is checked at the end.

    `forward` and `reverse` are the texts of policies; `upstreams` the URLs behind the reverse listener, of an upstream
    `app` or of those that are named; `names` what the resolver is told, `entry` how clients of the forward listener say
    where they want to go, `settings` other keys of the configuration, `listener` those of the reverse listener,
    `command` what starts it in place of itself, `code` how it ends.
    """
    ports = free_port(), free_port()
    _write(
        folder,
        ports,
        forward,
        reverse,
        {
            "upstreams": upstreams,
            "routes": routes,
            "names": names or {},
            "entry": entry,
            "listener": listener or {},
            **(settings or {}),
        },
    )
    arguments = ("run", "--config", str(folder / "wicketgate.yaml"))
    with running(*arguments, cwd=folder, environment=environment, command=command) as process:
        started = Gateway(process, folder, *ports)
        yield started
    assert process.process.returncode == code, "".join(process.err)
    assert [line for line in process.err if "Traceback" in line] == [], "".join(process.err)
    check_trail(started.state, started.answered, whole=whole)


def _write(
    folder: Path, ports: tuple[int, int], forward: str | None, reverse: str | None, settings: dict[str, Any]
) -> None:
    listeners: list[dict[str, Any]] = []
    routes, entry, more = settings.pop("routes"), settings.pop("entry"), settings.pop("listener")
    if forward is not None:
        (folder / "forward.yaml").write_text(forward, encoding="utf-8")
        listener = {"name": "egress", "mode": "forward", "bind": f"127.0.0.1:{ports[0]}", "policy": "forward.yaml"}
        listeners.append(listener | {"entry": entry})
    if reverse is not None:
        (folder / "reverse.yaml").write_text(reverse, encoding="utf-8")
        bind = f"127.0.0.1:{ports[1]}"
        front = {"name": "shop", "mode": "reverse", "bind": bind, "policy": "reverse.yaml", "routes": routes}
        listeners.append(front | more)
    whole: dict[str, Any] = {"version": 1, "state": "state", "listeners": listeners}
    if upstreams := settings.pop("upstreams"):
        named = upstreams if isinstance(upstreams, dict) else {"app": upstreams}
        whole["upstreams"] = {name: {"servers": [{"url": url} for url in urls]} for name, urls in named.items()}
    whole["resolver"] = {"hosts": settings.pop("names")}
    (folder / "wicketgate.yaml").write_text(json.dumps(whole | settings, indent=1), encoding="utf-8")
