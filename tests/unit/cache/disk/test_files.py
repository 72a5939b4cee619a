from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gateway.cache.disk import files

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_is_held_by_one_process_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "cache"
    lock = files.hold(folder)
    script = "import sys; from pathlib import Path; from gateway.cache.disk.files import hold; hold(Path(sys.argv[1]))"
    command = [sys.executable, "-c", script, str(folder)]

    other = subprocess.run(command, check=False, capture_output=True, text=True)
    with pytest.raises(files.Unusable, match="is in use by another gateway, give this one a `path` of its own"):
        files.hold(folder)
    os.close(lock)
    after = subprocess.run(command, check=False, capture_output=True, text=True)

    assert (other.returncode, after.returncode) == (1, 0)
    assert "is in use by another gateway" in other.stderr
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / files.LOCK).stat().st_mode & 0o777 == 0o600


def test_a_folder_that_others_may_enter_is_not_used(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    with pytest.raises(files.Unusable, match=r"for the gateway's user alone \(mode 0700\)"):
        files.hold(tmp_path)


def test_a_link_to_a_folder_is_none(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")

    with pytest.raises(files.Unusable):
        files.hold(tmp_path / "link")


def test_drafts_are_removed_and_foreign_files_are_left_alone(tmp_path: Path) -> None:
    answer, draft = tmp_path / ("a" * 64), tmp_path / ("b" * 64 + ".new")
    others = [tmp_path / "lock", tmp_path / "notes.txt", tmp_path / ("C" * 64)]
    for each in (answer, draft, *others):
        each.write_bytes(b"x")

    assert list(files.names(tmp_path)) == [answer]
    assert not draft.exists()
    assert all(each.exists() for each in others)


def test_a_draft_can_be_published_or_withdrawn(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 64)
    files.put(path, b"head ", b"body")
    before = path.exists()
    files.publish(path)
    files.put(path, b"other", b"")
    files.withdraw(path)
    files.withdraw(path)

    assert (before, path.read_bytes(), len(list(tmp_path.iterdir()))) == (False, b"head body", 1)
    assert (files.is_place(path.name), files.is_place("lock")) == (True, False)
