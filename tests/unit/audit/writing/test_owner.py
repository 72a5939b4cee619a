from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from gateway.audit.writing import frames
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.owner import AuditOwner
from gateway.audit.writing.segments import open_segment
from gateway.audit.writing.writer import AuditWriter, WriterOptions
from tests.unit.audit.logs import QUICK, causes, event, until, whole_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.audit.logs import Opened

PROGRAM: Final = Path(__file__).with_name("workers.py")
ROOT: Final = Path(__file__).parents[4]


@contextmanager
def owned(writer: AuditWriter, path: Path) -> Iterator[Path]:
    """The socket of a log that others may write."""
    owner = AuditOwner(writer, path)
    owner.start()
    try:
        yield path
    finally:
        owner.close()


def worker(path: Path, name: str, count: int, durability: str) -> subprocess.Popen[str]:
    run = [sys.executable, str(PROGRAM), str(path), name, str(count), durability]
    return subprocess.Popen(run, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("durability", ["batched", "sync"])
def test_four_processes_write_one_log(durability: str, directory: Path, tmp_path: Path, opened: Opened) -> None:
    writer = opened(WriterOptions(segment_size=100_000))
    with owned(writer, tmp_path / "audit.sock") as path:
        running = [worker(path, name, 2000, durability) for name in "abcd"]
        said = [each.communicate(timeout=60)[0] for each in running]
        assert [each.returncode for each in running] == [0] * 4
    writer.append(event(0))
    writer.close()

    found = whole_log(directory)
    assert len(found) == 8001
    for name in "abcd":
        own = [cause for cause in map(str, causes(found)) if cause.startswith(f"{name} ")]
        assert own == [f"{name} {number}" for number in range(2000)]
    for line in "".join(said).splitlines():
        name, number, seq = line.split()
        assert found[int(seq) - 1]["cause"] == f"{name} {number}"


def test_a_worker_that_is_killed_loses_nothing_that_it_was_told_is_safe(
    directory: Path, tmp_path: Path, opened: Opened
) -> None:
    writer = opened(WriterOptions(segment_size=100_000))
    with owned(writer, tmp_path / "audit.sock") as path:
        doomed = worker(path, "x", 0, "sync")
        others = [worker(path, name, 1000, "batched") for name in "ab"]
        assert doomed.stdout is not None
        heard = [doomed.stdout.readline() for _ in range(500)]
        doomed.kill()
        heard += doomed.communicate(timeout=30)[0].splitlines(keepends=True)
        assert [each.wait(60) for each in others] == [0, 0]
        for each in others:
            each.communicate()
    writer.close()

    found = whole_log(directory)
    for line in (line for line in heard if line.endswith("\n")):
        name, number, seq = line.split()
        assert found[int(seq) - 1]["cause"] == f"{name} {number}"
    own = [str(cause).split()[1] for cause in causes(found) if str(cause).startswith("x ")]
    assert own == [str(number) for number in range(len(own))]
    assert sum(str(cause).startswith("a ") for cause in causes(found)) == 1000


@pytest.mark.parametrize(
    "nonsense",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        frames.record(1, b'"a":1}\n{"b":1}'),
        frames.record(1, b""),
        frames.taken(1, 1, 1),
    ],
)
def test_who_speaks_nonsense_is_not_listened_to(
    nonsense: bytes, directory: Path, tmp_path: Path, opened: Opened
) -> None:
    writer = opened()
    with owned(writer, tmp_path / "audit.sock") as path, socket.socket(socket.AF_UNIX) as wire:
        wire.connect(str(path))
        wire.sendall(nonsense)
        wire.settimeout(5)
        while wire.recv(1000):
            pass
        assert writer.append(event(1)) == 1


def test_the_socket_is_for_this_user_alone(tmp_path: Path, opened: Opened) -> None:
    with owned(opened(), tmp_path / "audit.sock") as path:
        assert path.stat().st_mode & 0o777 == 0o600

    assert not path.exists()


def test_a_path_that_is_too_long_is_a_clear_error(tmp_path: Path, opened: Opened) -> None:
    path = tmp_path / ("x" * 120)

    with pytest.raises(AuditUnavailable, match="is too long for a socket, choose a shorter `state`"):
        AuditOwner(opened(), path).start()


def test_workers_are_told_when_the_disk_fails_and_when_it_is_mended(tmp_path: Path, opened: Opened) -> None:
    broken = [True]
    writer = opened(QUICK, lambda path: os.open("/dev/full", os.O_WRONLY) if broken else open_segment(path))
    with owned(writer, tmp_path / "audit.sock") as path, socket.socket(socket.AF_UNIX) as wire:
        wire.connect(str(path))
        wire.settimeout(5)
        parser = frames.Parser()
        writer.append(event(1))
        heard: list[frames.Frame] = []

        def told(text: bytes) -> bool:
            heard.extend(parser.feed(wire.recv(1000)))
            return frames.Frame(frames.TROUBLE, 0, text) in heard

        until(lambda: told(b"the audit log cannot be written: no space left on device"))
        wire.sendall(frames.record(1, b'"time":"","event":"note"}') + frames.frame(frames.SYNC, 1))
        until(lambda: any(each.kind == frames.FAILED for each in heard) or told(b"?"))
        heard.clear()
        broken.clear()
        until(lambda: told(b""))
