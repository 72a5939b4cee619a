from __future__ import annotations

import errno
import resource
from typing import TYPE_CHECKING

import pytest

from gateway.audit.writing.reserve import NAME, Reserve, means_full

if TYPE_CHECKING:
    from pathlib import Path


def test_the_room_is_really_taken_and_really_given_up(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path, 64 * 1024)

    reserve.take()
    status = (tmp_path / NAME).stat()
    assert (status.st_size, status.st_mode & 0o777) == (64 * 1024, 0o600)
    assert status.st_blocks * 512 >= 64 * 1024

    assert (reserve.give(), reserve.give()) == (True, False)
    assert list(tmp_path.iterdir()) == []


def test_no_reserve_needs_no_room(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path, 0)

    reserve.take()

    assert reserve.give() is False
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_had_leaves_no_file(tmp_path: Path) -> None:
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    reserve = Reserve(tmp_path, 64 * 1024)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, usual[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            reserve.take()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)

    assert (reserve.held, list(tmp_path.iterdir())) == (False, [])


@pytest.mark.parametrize(("number", "full"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EIO, False)])
def test_room_helps_only_where_room_is_missing(number: int, *, full: bool) -> None:
    assert means_full(OSError(number, "")) is full
