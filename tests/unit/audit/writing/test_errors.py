from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gateway.audit.writing.errors import cannot_write, words
from tests.unit.audit.logs import whoami


def denied() -> OSError:
    return PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ("no space left on device", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))),
        ("read-only file system", OSError(errno.EROFS, os.strerror(errno.EROFS))),
        ("input or output failed", OSError("something else")),
    ],
)
def test_the_words_of_the_system_are_told_in_lower_case(wanted: str, error: OSError, tmp_path: Path) -> None:
    assert wanted == words(error)
    assert cannot_write(tmp_path, error) == f"audit: cannot write `{tmp_path}`: {wanted}"


def test_a_closed_directory_of_ones_own_is_told_with_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    told = cannot_write(tmp_path / "new" / "audit", denied())

    assert told == f"audit: cannot write `{tmp_path}/new/audit`: the mode of `{tmp_path}` is 0500, give it 0700"


def test_a_directory_of_somebody_else_is_told_with_both_names(tmp_path: Path) -> None:
    told = {owner: cannot_write(place, denied()) for owner, place in strangers(tmp_path).items()}

    assert told
    assert told == {
        owner: f"audit: cannot write `{place}`: it belongs to {owner}, the gateway runs as {whoami()}"
        for owner, place in strangers(tmp_path).items()
    }


def strangers(folder: Path) -> dict[str, Path]:
    """Directories of others by their owner: only root can give one away, everybody else has those of root."""
    if os.geteuid() != 0:
        return {"root": Path("/usr")}
    given = {"nobody": 65534, "user 54321": 54321}
    for owner, user in given.items():
        (folder / owner).mkdir(exist_ok=True)
        os.chown(folder / owner, user, -1)
    return {owner: folder / owner for owner in given}
