"""A gateway with two workers, and who they are."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.proof.verifying import verify
from gateway.cli.ordering import ordered
from gateway.control.channel import Order
from tests.e2e.commands import STARTING, until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.wire import connect, get

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.e2e.origins import RecordingOrigin
    from tests.e2e.wire import Wire

HOST: Final = "shop.example"
OLD: Final = """\
version: 1
name: old
default: {action: allow}
unsafe_destinations: [127.0.0.0/8]
rules:
  - {id: no-old, action: deny, reason: Old law, when: {path: {prefix: [/closed]}}}
"""
NEW: Final = OLD.replace("name: old", "name: new").replace("no-old", "no-new").replace("/closed", "/shut")


@contextmanager
def staffed(
    folder: Path,
    origin: RecordingOrigin,
    *,
    whole: bool = True,
    code: int = 0,
    settings: Mapping[str, Any] | None = None,
) -> Iterator[Gateway]:
    """Run it within this block. If it was not killed its log has no gap, and proves to be what was written."""
    url = f"http://127.0.0.1:{origin.port}"
    chosen = {"workers": 2, "reload": {"watch": False}, **(settings or {})}
    with gateway(folder, reverse=OLD, upstreams=[url], settings=chosen, whole=whole, code=code) as started:
        yield started
    if code >= 0:
        check_log(started)


def runs(process: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def check_log(started: Gateway) -> None:
    """Every number is there once, and in its order; the tree over the log stands."""
    records = started.records()
    assert [each["seq"] for each in records] == list(range(1, len(records) + 1))
    report = verify(started.state / "audit")
    assert (report.findings, report.undecided) == ([], None)
    decided = [each["id"] for each in records if each["event"] == "decision"]
    assert len(decided) == len(set(decided))


def workers(started: Gateway) -> dict[int, int]:
    """The processes of those at work, by their numbers."""
    told = ordered(started.state, Order("workers"))["workers"]
    return {each["worker"]: each["process"] for each in told if each["serves"]}


def both(started: Gateway) -> dict[int, int]:
    """The same, as soon as there are two."""
    until(lambda: len(workers(started)) == 2, "there were never two workers", STARTING)
    return workers(started)


def ask(wire: Wire, path: str = "/") -> int:
    """The status of an answer."""
    return wire.ask(get(path, HOST)).status


def ask_anew(started: Gateway, path: str = "/") -> int:
    """The same on a connection of its own."""
    with connect(started.reverse) as wire:
        return ask(wire, path)


def open_files(process: int) -> int:
    """How many files and sockets a process has open."""
    return len(tuple(Path(f"/proc/{process}/fd").iterdir()))
