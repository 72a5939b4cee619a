from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.audit.writing.compression import compress
from gateway.audit.writing.sources import Growing, Packed, Source, opened
from tests.unit.audit.export.logged import line, segment

if TYPE_CHECKING:
    from pathlib import Path


def all_of(source: Source) -> list[bytes]:
    """Every line there is now."""
    found = []
    while (each := source.line()) is not None:
        found.append(each + b"\n")
    return found


@pytest.mark.parametrize("packed", [False, True])
def test_lines_come_in_their_order(packed: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of the table
    lines = [line(seq, text="x" * 9000) for seq in range(1, 100)]
    source = opened(segment(tmp_path, lines, packed=packed))

    assert isinstance(source, Packed if packed else Growing)
    assert lines == all_of(source)
    source.sync()
    assert source.line() is None
    source.close()


def test_a_plain_segment_is_read_on_while_it_grows_and_only_to_its_last_newline(tmp_path: Path) -> None:
    path = segment(tmp_path, [line(1), line(2)[:20]])
    source = opened(path)
    assert source is not None

    assert all_of(source) == [line(1)]
    path.write_bytes(line(1) + line(3))  # as the next writer does: the torn end is cut, and other lines follow

    assert all_of(source) == [line(3)]


def test_a_line_longer_than_a_look_is_read(tmp_path: Path) -> None:
    long = line(1, text="x" * 3_000_000)
    source = opened(segment(tmp_path, [long, line(2)]))
    assert source is not None

    assert all_of(source) == [long, line(2)]


def test_a_segment_that_was_compressed_or_removed_meanwhile_is_looked_for(tmp_path: Path) -> None:
    path = segment(tmp_path, [line(1)])
    packed = compress(path, lambda: True)
    source = opened(path)

    assert isinstance(source, Packed)
    assert all_of(source) == [line(1)]
    packed.unlink()
    assert opened(path) is None
    assert opened(packed) is None


def test_what_was_opened_before_it_was_compressed_is_read_to_its_end(tmp_path: Path) -> None:
    path = segment(tmp_path, [line(1), line(2)])
    source = opened(path)
    assert source is not None
    compress(path, lambda: True)

    assert all_of(source) == [line(1), line(2)]
