"""One fault of the disk, met by a writer that lives; what came of it is printed as JSON.

Run by `test_faults.py` inside of `unshare -rm`, where it mounts a small file system of its own:
`python -m tests.conformance.faulty FAULT ON_FAILURE FOLDER`.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from gateway.audit.reading.reader import records
from gateway.audit.writing.backlog import UNRECORDED
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.writer import AuditWriter, WriterOptions
from tests.unit.audit.logs import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.audit.reading.reader import Damage
    from gateway.audit.records.record import Record
    from gateway.audit.writing.backlog import OnFailure

KIB: Final = 1024
ALLOW: Final[Record] = {"time": "", "event": "decision", "decision": {"verdict": "allow"}}
DENY: Final[Record] = {"time": "", "event": "decision", "decision": {"verdict": "deny"}}


@contextmanager
def disk_full(log: Path) -> Iterator[None]:
    """Somebody else fills the file system to the last byte."""
    filler = log.parent / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * KIB)
    yield
    filler.unlink()


@contextmanager
def patched(name: str, instead: Callable[..., object]) -> Iterator[None]:
    """The system answers otherwise for a while."""
    real = getattr(os, name)
    setattr(os, name, instead)
    yield
    setattr(os, name, real)


def failing(*_: object) -> object:
    """As a broken disk answers."""
    raise OSError(errno.EIO, os.strerror(errno.EIO))


@contextmanager
def sync_fails(_log: Path) -> Iterator[None]:
    """Every `fdatasync` says that it failed."""
    with patched("fdatasync", failing):
        yield


@contextmanager
def write_fails(_log: Path) -> Iterator[None]:
    """Every `write` says that it failed."""
    with patched("write", failing):
        yield


@contextmanager
def stalled(_log: Path) -> Iterator[None]:
    """A disk does not come back from `fdatasync`, until it does."""
    over, real = threading.Event(), os.fdatasync

    def wait(descriptor: int) -> None:
        over.wait()
        real(descriptor)

    with patched("fdatasync", wait):
        yield
    over.set()


@contextmanager
def taken_away(log: Path) -> Iterator[None]:
    """The directory is renamed, and comes back."""
    elsewhere = log.with_name("elsewhere")
    log.rename(elsewhere)
    yield
    elsewhere.rename(log)


@contextmanager
def too_large(_log: Path) -> Iterator[None]:
    """The system lets no file grow any more (RLIMIT_FSIZE)."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, usual[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, usual)


@contextmanager
def no_descriptor(_log: Path) -> Iterator[None]:
    """A sync fails, and there is no descriptor left to open a new segment with."""
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    with patched("fdatasync", failing):
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, usual[1]))
        yield
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)


FAULTS: Final = {
    "disk-full": disk_full,
    "sync-fails": sync_fails,
    "write-fails": write_fails,
    "stalled": stalled,
    "taken-away": taken_away,
    "too-large": too_large,
    "no-descriptor": no_descriptor,
}


def outcome(writer: AuditWriter, record: Record) -> str:
    """What becomes of something that is to be recorded now."""
    try:
        return "unrecorded" if writer.append(record) == UNRECORDED else "recorded"
    except AuditUnavailable:
        return "refused"


def meet(writer: AuditWriter, kind: str) -> None:
    """Write until the fault is noticed: the writer says so, or its queue is full."""
    if kind != "stalled":
        while writer.healthy:
            with suppress(AuditUnavailable):
                writer.append_durable(ALLOW).result(10)
        return
    while writer.waiting < 15:  # three quarters of the queue
        writer.append(ALLOW)


def live(log: Path, kind: str, mode: OnFailure) -> dict[str, Any]:
    """A life before, in and after a fault, and what the log says of it."""
    options = WriterOptions(on_failure=mode, reserve=256 * KIB, most_records=20, gather=0.0, retry=(0.005, 0.05))
    writer = AuditWriter(log, options)
    writer.start()
    safe = {writer.append_durable(each).result(10) for each in [ALLOW, DENY] * 5}
    with FAULTS[kind](log):
        meet(writer, kind)
        if kind == "stalled" and mode != "deny_only":
            while writer.waiting < 20:
                writer.append(DENY)
        said = {"allow": outcome(writer, ALLOW), "deny": outcome(writer, DENY)}
    until(lambda: writer.healthy and writer.waiting == 0)
    safe |= {writer.append_durable(each).result(10) for each in [ALLOW, DENY]}
    writer.append({"time": "", "event": "stop"})
    writer.close()
    return said | told(log, safe)


def to_the_end(log: Path) -> dict[str, Any]:
    """A disk that is full when the gateway ends: the reserve holds what is still to be said."""
    writer = AuditWriter(log, WriterOptions(reserve=256 * KIB, gather=0.0, retry=(0.005, 0.05)))
    writer.start()
    safe = {writer.append_durable(each).result(10) for each in [ALLOW, DENY] * 5}
    with disk_full(log):
        meet(writer, "disk-full")
        said = {"allow": outcome(writer, ALLOW), "deny": outcome(writer, DENY)}
        writer.append({"time": "", "event": "stop"})
        writer.close()
    return said | told(log, safe)


def at_start(log: Path) -> dict[str, Any]:
    """A directory on a file system that may only be read."""
    log.mkdir()
    subprocess.run(["mount", "-o", "remount,ro", str(log.parent)], check=True)
    try:
        AuditWriter(log).start()
    except AuditUnavailable as error:
        return {"said": str(error).removeprefix(f"audit: cannot write `{log}")}
    return {"said": None}


def told(log: Path, safe: set[int]) -> dict[str, Any]:
    """What can be read back: nothing missing, nothing doubled, and what the gaps count."""
    damage: list[Damage] = []
    found = list(records(log, on_damage=damage.append))
    numbers = [cast("int", each["seq"]) for each in found]
    gaps = [each for each in found if each["event"] == "gap"]
    return {
        "missing": len(safe - set(numbers)) + len(damage) + (numbers != list(range(1, len(numbers) + 1))),
        "gap": sorted({str(each["reason"]) for each in gaps}),
        "refused": sum(cast("int", each["refused"]) for each in gaps),
        "unrecorded": sum(cast("int", each["unrecorded"]) for each in gaps),
        "stopped": any(each["event"] == "stop" for each in found),
    }


def main(kind: str, mode: OnFailure, folder: Path) -> None:
    """Mount a file system of four megabytes, and live on it."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], check=True)
    log = folder / "audit"
    alone = {"full-to-the-end": to_the_end, "read-only": at_start}
    result = alone[kind](log) if kind in alone else live(log, kind, mode)
    print(json.dumps(result))  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main(sys.argv[1], cast("OnFailure", sys.argv[2]), Path(sys.argv[3]))
