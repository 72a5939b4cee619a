"""The pages by their paths. A page holds no secret and asks the API for everything that it shows."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable


@dataclass(frozen=True, slots=True)
class Page:
    """A file that is served as it is."""

    kind: str
    body: bytes


_KINDS: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_FIRST: Final = "index.html"


def pages() -> dict[str, Page]:
    """Every page by its path, read once: `/` is the first one, what it needs is below `/pages/`."""
    return {
        "/" if path == _FIRST else f"/pages/{path}": Page(_KINDS[path.rpartition(".")[2]], file.read_bytes())
        for path, file in _files(files("gateway.admin.pages"))
    }


def _files(folder: Traversable, below: str = "") -> Iterator[tuple[str, Traversable]]:
    """The files that browsers may have: what has no kind of theirs is a module, and stays here."""
    for each in folder.iterdir():
        if each.is_dir():
            yield from _files(each, f"{below}{each.name}/")
        elif each.name.rpartition(".")[2] in _KINDS:
            yield f"{below}{each.name}", each
