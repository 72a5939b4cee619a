"""The one thing that can go wrong with the log for those who write into it, in words for people."""

from __future__ import annotations

import os
import pwd
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class AuditUnavailable(Exception):  # noqa: N818 - the name of the reason, `audit-unavailable`
    """A record could not be accepted, so what it is about must not happen. The text is a sentence for people."""


def cannot_write(path: Path, error: OSError) -> str:
    """Why `path` cannot be written, with the way out where there is one."""
    return f"audit: cannot write `{path}`: {_why(path, error)}"


def words(error: OSError) -> str:
    """The system's own words for an error, in lower case."""
    return (error.strerror or "input or output failed").lower()


def _why(path: Path, error: OSError) -> str:
    if not isinstance(error, PermissionError):
        return words(error)
    there, status = _nearest(path)
    if status.st_uid != os.geteuid():
        return f"it belongs to {_user(status.st_uid)}, the gateway runs as {_user(os.geteuid())}"
    return f"the mode of `{there}` is {stat.S_IMODE(status.st_mode):04o}, give it 0700"


def _nearest(path: Path) -> tuple[Path, os.stat_result]:
    """The path itself or the nearest directory above it that can be looked at."""
    try:
        return path, path.stat()
    except OSError:
        if path == path.parent:
            raise
        return _nearest(path.parent)


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
