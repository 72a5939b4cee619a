"""The files that made what is in force, copied as one set, so that a gateway can be started with them again.

A set lies in a folder of its own: a manifest with the paths and digests of all its files, and a folder for every part
(the configuration, a listener's policy, its certificates, trust) in which they lie under their whole paths, so that
what names its neighbours finds them. It is written beside the set before it, made to last (fsync), and then one
symbolic link, `current`, is replaced (rename(2) is atomic): whenever the power fails, the old set is there or the new
one. Nothing that has changed since it was read is taken for what is in force, and no set is used of which one byte
differs from its manifest.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FOLDER: Final = "last-good"
"""Where sets lie, in the state folder."""
_CURRENT: Final = "current"
_MANIFEST: Final = "manifest.json"
_VERSION: Final = 1
_PRIVATE_FILE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW

type Files = Mapping[str, Sequence[Path]]
"""The files of each part, by its name; those that are not there are no part of it."""
type Digests = Mapping[str, Mapping[str, str]]
"""By the names of parts: the whole paths of files, and the SHA-256 of each."""


class Changed(Exception):  # noqa: N818 - it says what happened
    """A file has changed since it was read, so that nobody knows whether it is what is in force."""


@dataclass(frozen=True, slots=True)
class KeptSet:
    """A set that was checked, in its folder; `since` is when it was made, in seconds since the epoch."""

    folder: Path
    parts: Digests
    since: float

    def root(self, part: str) -> Path:
        """Where the files of a part lie, under their whole paths. Raises Malformed if there is none."""
        if part not in self.parts:
            raise Malformed(f"it has no `{part}`")
        return self.folder / str(list(self.parts).index(part))

    def find(self, part: str, file: Path) -> Path:
        """The copy of a file. Raises Malformed if there is none."""
        found = whole(file)
        if found not in self.parts.get(part, {}):
            raise Malformed(f"it has no `{found}`")
        return below(self.root(part), file)


def whole(file: Path) -> str:
    """The path of a file from the root, as it is written: where links lead is not looked at."""
    return os.path.abspath(file)  # noqa: PTH100 - `resolve` follows links


def below(root: Path, file: Path) -> Path:
    """Where the copy of a file lies in the folder of its part."""
    return root / whole(file).lstrip("/")


def is_kept(state: Path) -> bool:
    """Whether a set was ever kept, whole or not."""
    return (state / FOLDER / _CURRENT).is_symlink()


def read_set(state: Path) -> KeptSet | None:
    """The set of a state folder, None if none was ever kept. Raises Malformed if it is not whole."""
    try:
        folder = (state / FOLDER / _CURRENT).resolve(strict=True)
        manifest: dict[str, Any] = json.loads((folder / _MANIFEST).read_bytes())
        found = KeptSet(folder, manifest["parts"], float(manifest["made"]))
        _check(found, manifest["version"])
    except Malformed:
        raise
    except FileNotFoundError as error:
        if not (state / FOLDER / _CURRENT).is_symlink():
            return None
        raise Malformed(f"it is not whole: `{error.filename}` is missing") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Malformed(f"it cannot be read: {error}") from None
    return found


@dataclass(slots=True)
class Keeper:
    """Keeps the sets of a state folder. Every method works on files, and belongs into a thread."""

    state: Path
    _stamps: dict[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)

    def keep(
        self, files: Files, loaded: Mapping[str, float], now: float, check: Callable[[KeptSet], object] = lambda _: None
    ) -> bool:
        """Make a set of all parts: those `loaded` as they are now, all others as they are in the set before it.

        With each is when it began to be read, in seconds since the epoch. `check` raises Malformed for a set that is
        not to be kept. Returns whether there was anything new. Raises Changed if what was read is not there any more,
        Malformed if another part was never kept, and OSError.
        """
        stamps = {part: tuple(map(_stamp, files[part])) for part in loaded}
        if self._stamps.keys() == files.keys() and all(self._stamps[part] == stamps[part] for part in stamps):
            return False
        try:
            before = read_set(self.state)
        except Malformed:
            before = None
        home = self.state / FOLDER
        home.mkdir(_PRIVATE_FOLDER, exist_ok=True)
        self._tidy(home, before)
        fresh = home / ("set-b" if before is not None and before.folder.name == "set-a" else "set-a")
        fresh.mkdir(_PRIVATE_FOLDER)
        made = KeptSet(fresh, _copied(files, loaded, fresh, before), now)
        is_new = before is None or before.parts != made.parts
        if is_new:
            check(made)
            manifest = {"version": _VERSION, "made": now, "parts": made.parts}
            _write(fresh / _MANIFEST, json.dumps(manifest).encode("utf-8"))
            for folder, _, _ in fresh.walk(top_down=False):
                _settle(folder)
            link = home / f".{_CURRENT}.new"
            link.symlink_to(fresh.name)
            link.replace(home / _CURRENT)
            _settle(home)
        self._stamps.update(stamps)
        self._tidy(home, made if is_new else before)
        return is_new

    @staticmethod
    def _tidy(home: Path, current: KeptSet | None) -> None:
        """Nothing else is needed: sets that were never finished, and those that were replaced."""
        (home / f".{_CURRENT}.new").unlink(missing_ok=True)
        for each in home.glob("set-*"):
            if current is None or each.name != current.folder.name:
                shutil.rmtree(each)


def _check(found: KeptSet, version: object) -> None:
    """Read every byte. Raises Malformed, and OSError."""
    if version != _VERSION:
        raise Malformed("it was kept by another version")
    for part, digests in found.parts.items():
        for path, digest in digests.items():
            if _digest(below(found.root(part), Path(path))) != digest:
                raise Malformed(f"the copy of `{path}` is not what was kept")


def _copied(
    files: Files, loaded: Mapping[str, float], folder: Path, before: KeptSet | None
) -> dict[str, dict[str, str]]:
    parts: dict[str, dict[str, str]] = {}
    for index, part in enumerate(files):
        root = folder / str(index)
        root.mkdir(_PRIVATE_FOLDER)
        read = loaded.get(part)
        parts[part] = _carried(before, part, root) if read is None else _taken(files[part], root, read)
    return parts


def _taken(files: Sequence[Path], root: Path, read: float) -> dict[str, str]:
    """Copy files that were read not before `read`. Raises Changed, and OSError."""
    digests: dict[str, str] = {}
    for file in dict.fromkeys(files):
        with suppress(FileNotFoundError), _opened(file) as source:
            found = os.fstat(source.fileno())
            copy = below(root, file)
            _make_folders(copy.parent)
            with os.fdopen(os.open(copy, _FLAGS, _PRIVATE_FILE), "wb") as target:
                shutil.copyfileobj(source, target, 1024 * 1024)
                target.flush()
                os.fsync(target.fileno())
            os.utime(copy, ns=(found.st_atime_ns, found.st_mtime_ns))  # the age of a list
            digests[whole(file)] = _digest(copy)
            after = file.stat()
            if max(found.st_ctime, after.st_ctime) >= read or after.st_ino != found.st_ino:
                raise Changed(str(file))
    return digests


def _opened(file: Path) -> BinaryIO:
    """A file to copy. Whoever opens a pipe may wait for ever, and takes from it what others should read."""
    if not stat.S_ISREG(file.stat().st_mode):
        raise Malformed(f"`{file}` is no ordinary file")
    return os.fdopen(os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb")


def _carried(before: KeptSet | None, part: str, root: Path) -> dict[str, str]:
    """Take over what is in force of a part that was refused. Raises Malformed if it was never kept."""
    if before is None or part not in before.parts:
        raise Malformed(f"`{part}` is in force, and was not kept")
    for path in before.parts[part]:
        copy = below(root, Path(path))
        _make_folders(copy.parent)
        copy.hardlink_to(below(before.root(part), Path(path)))
    return dict(before.parts[part])


def _make_folders(folder: Path) -> None:
    for each in (*reversed(folder.parents), folder):
        if not each.is_dir():
            each.mkdir(_PRIVATE_FOLDER)


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, _FLAGS, _PRIVATE_FILE), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _settle(folder: Path) -> None:
    """Make what was written into a folder last."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return f"sha256:{file_digest(opened, 'sha256').hexdigest()}"


def _stamp(file: Path) -> tuple[int, ...]:
    try:
        found = file.stat()
    except OSError:
        return ()
    return found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev
