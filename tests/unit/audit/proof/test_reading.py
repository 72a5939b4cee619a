from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.audit.proof.reading import leaf_of, lines_of, pruned_leaf, seq_in
from gateway.audit.writing.compression import compress
from gateway.audit.writing.witness import leaf_hash
from tests.unit.audit.logs import line

if TYPE_CHECKING:
    from pathlib import Path


def test_the_leaf_of_a_line_is_over_its_bytes_without_the_newline() -> None:
    assert leaf_of(line(7)) == leaf_hash(line(7)[:-1]) == leaf_of(line(7)[:-1])


def test_what_is_left_of_a_removed_record_stands_for_it() -> None:
    left = b'{"v":1,"seq":7,"pruned":"%b"}\n' % leaf_of(line(7)).hex().encode()

    assert leaf_of(left) == pruned_leaf(left) == leaf_of(line(7))


@pytest.mark.parametrize(
    "text",
    [
        b'{"v":1,"seq":7,"pruned":"00"}\n',
        b'{"v":1,"seq":7,"pruned":"%b"}\n' % (b"0A" * 32),
        b'{"v":1,"seq":7,"pruned":"%b","more":1}\n' % (b"00" * 32),
        b'{"v":1,"seq":7,"time":"x","pruned":"%b"}\n' % (b"00" * 32),
    ],
)
def test_a_record_that_only_looks_removed_is_a_record(text: bytes) -> None:
    assert pruned_leaf(text) is None
    assert leaf_of(text) == leaf_hash(text[:-1])


@pytest.mark.parametrize(
    ("seq", "text"),
    [
        (12, line(12)),
        (None, b'{"v":1,"seq":012,"time":1}'),
        (None, b'{"v":1,"seq":0,"time":1}'),
        (None, b'{"seq":12,"v":1}'),
        (None, b'{"v":2,"seq":12,}'),
        (None, b'{"v":1,"seq":1234567890123456789,"time":1}'),
        (None, b""),
    ],
)
def test_a_record_is_known_by_how_its_line_begins(seq: int | None, text: bytes) -> None:
    assert seq_in(text) == seq


def test_a_compressed_segment_has_the_same_lines(tmp_path: Path) -> None:
    path = tmp_path / "01JD7N5M4Q0000000000000000.jsonl"
    path.write_bytes(line(1) + line(2) + b"torn")

    plain = list(lines_of(path))
    packed = compress(path, lambda: True)

    assert plain == list(lines_of(packed)) == list(lines_of(path)) == [line(1), line(2), b"torn"]
