from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import zstandard

from gateway.audit.proof.glancing import glance, is_whole
from gateway.audit.proof.handover import announcements
from gateway.audit.proof.keychain import Keychain
from gateway.audit.proof.resuming import newest_checkpoint, resume
from gateway.audit.proof.store import SignedLeaves
from gateway.audit.writing.compression import compress
from gateway.audit.writing.segments import segments
from tests.unit.audit.proof.proved import findings, store_of, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FOREVER = 3600.0


@pytest.fixture
def log(directory: Path) -> Path:
    """A log of several segments, the first of them compressed."""
    write(directory, 80, segment_size=2000)
    first, *others = segments(directory)
    assert len(others) >= 3
    compress(first, lambda: True)
    return directory


def seen(log: Path, patience: float = FOREVER) -> list[str]:
    """What a glance finds, with segments by their places in the log."""
    store = store_of(log)
    newest = newest_checkpoint(store, Keychain.of(announcements(store)))
    assert newest is not None
    *older, last = segments(log)
    first = int(last.read_bytes().split(b'"seq":', 1)[1].split(b",", 1)[0])
    found = list(glance(older, first, SignedLeaves(store, newest.size), patience))
    for at, path in enumerate(older, 1):
        found = [said.replace(path.name, f"<{at}>") for said in found]
    return found


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def another_first(path: Path) -> None:
    first, *rest = lines_of(path)
    path.write_bytes(b"".join([first.replace(b"deny", b"lied"), *rest]))


def another_last(path: Path) -> None:
    *rest, last = lines_of(path)
    path.write_bytes(b"".join([*rest, last.replace(b"deny", b"lied")]))


def shorter(path: Path) -> None:
    path.write_bytes(b"".join(lines_of(path)[:-1]))


def no_record_at_the_end(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"hello\n")


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b'{"v":1,"seq":')


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def test_a_log_that_is_sound_shows_nothing(log: Path) -> None:
    assert seen(log) == []


@pytest.mark.parametrize(
    ("at", "change", "said"),
    [
        (1, another_first, "<2>:1: record "),
        (1, another_last, "its last one, is not what was signed"),
        (1, shorter, "were behind it, and are gone"),
        (1, no_record_at_the_end, "<2>: its last line is no record"),
        (2, empty, "<2>: records "),
        (1, zeroed, "<2>:1: this is no record"),
        (0, cut, "<1>: the compressed segment is damaged, or was cut short"),
        (0, zeroed, "<1>: the compressed segment is damaged, or was cut short"),
    ],
)
def test_what_happened_to_an_older_segment_is_seen_at_the_next_start(
    at: int, change: Callable[[Path], None], said: str, log: Path
) -> None:
    change(segments(log)[at])

    found = seen(log)
    store = store_of(log)
    resumed = resume(log, store, Keychain.of(announcements(store)))

    assert said in found[0]
    assert resumed.outcome == "tampered"
    assert findings(log) != [], "a check of all of it says so, too"


def test_what_a_disk_leaves_that_failed_is_nothing_to_tell(log: Path) -> None:
    torn(segments(log)[1])
    empty(log / f"00{segments(log)[0].name[2:26]}.jsonl")

    assert seen(log) == []


def test_a_segment_that_was_taken_out_of_the_middle_leaves_a_gap(log: Path) -> None:
    segments(log)[2].unlink()

    (found,) = seen(log)

    assert found.startswith("<2>: records ")
    assert found.endswith("were behind it, and are gone")


def test_a_compressed_segment_that_begins_with_another_record_is_not_what_was_signed(log: Path) -> None:
    first = segments(log)[0]
    plain = zstandard.ZstdDecompressor().decompressobj().decompress(first.read_bytes())
    first.write_bytes(zstandard.ZstdCompressor().compress(plain.replace(b'"event"', b'"avent"', 1)))

    assert seen(log) == ["<1>:1: record 1 is not what was signed"]


def test_a_glance_ends_when_its_time_is_over(log: Path) -> None:
    for path in segments(log)[:-1]:
        cut(path)

    assert len(seen(log)) > 1
    assert {said[:3] for said in seen(log, patience=-1.0)} == {f"<{len(segments(log)) - 1}>"}


PIECES = [b"", b"a" * 300_000, bytes(range(256)) * 2000]


@pytest.mark.parametrize("options", [{}, {"write_checksum": True}, {"write_content_size": False}, {"level": 19}])
@pytest.mark.parametrize("plain", PIECES, ids=len)
def test_frames_are_as_long_as_they_say(options: dict[str, int], plain: bytes) -> None:
    packed = zstandard.ZstdCompressor(**options).compress(plain)  # type: ignore[arg-type]  # options of a table
    skippable = b"\x53\x2a\x4d\x18\x03\x00\x00\x00abc"

    assert is_whole(packed)
    assert is_whole(packed + skippable + packed)
    assert not any(is_whole(packed[:size]) for size in range(min(len(packed), 200)))
    assert not is_whole(packed[:-1])
    assert not is_whole(packed + b"more")


def test_a_frame_that_was_streamed_is_known_by_its_blocks() -> None:
    stream = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    packed = b"".join(stream.compress(piece) for piece in PIECES) + stream.flush()

    assert is_whole(packed)
    assert not any(is_whole(packed[:-size]) for size in range(1, 100))
