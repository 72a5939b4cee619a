from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gateway.control.lastgood import keep_copy

if TYPE_CHECKING:
    from pathlib import Path


def test_a_copy_and_its_folders_are_private(tmp_path: Path) -> None:
    copy = tmp_path / "policy" / "egress" / "policy.yaml"

    keep_copy(copy, b"version: 1\n")

    assert copy.read_bytes() == b"version: 1\n"
    modes = [path.stat().st_mode & 0o777 for path in (copy, copy.parent, copy.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]


def test_a_later_copy_takes_the_place_of_the_earlier_one_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    copy = tmp_path / "policy.yaml"

    for content in (b"a long first copy", b"second"):
        keep_copy(copy, content)

    assert copy.read_bytes() == b"second"
    assert [path.name for path in tmp_path.iterdir()] == ["policy.yaml"]


def test_a_link_that_somebody_planted_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    (tmp_path / f".policy.yaml.{os.getpid()}.new").symlink_to(outside)

    with pytest.raises(OSError, match="symbolic links"):
        keep_copy(tmp_path / "policy.yaml", b"new")

    assert outside.read_bytes() == b"precious"
