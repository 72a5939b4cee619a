"""The pages by their paths. A page holds no secret and asks the API for everything that it shows."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Final


@dataclass(frozen=True, slots=True)
class Page:
    """A file that is served as it is."""

    kind: str
    body: bytes


_KINDS: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_PATHS: Final = {"/": "index.html", "/pages/sign-in.js": "sign-in.js", "/pages/style.css": "style.css"}
"""What is served where."""


def pages() -> dict[str, Page]:
    """Every page by its path, read once."""
    folder = files("gateway.admin.pages")
    return {
        path: Page(_KINDS[name.rpartition(".")[2]], folder.joinpath(name).read_bytes()) for path, name in _PATHS.items()
    }
