"""What the site says differently from the checkout, page by page.

Links to files that no reader of the site has become their text; blocks that tests run or write to a file are blocks
with a title.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any, Final

_LINK: Final = re.compile(r"\[([^\]]+)\]\((\.\./[^)#\s]+)(?:#[^)\s]*)?\)")
_RUN: Final = re.compile(r"^( *```\w+) (?:runnable|tried)\b.*$", re.MULTILINE)
_FILE: Final = re.compile(r"^( *```\w+) file=(\S+)$", re.MULTILINE)


def on_page_markdown(markdown: str, *, page: Any, **_: object) -> str:
    """Called for every page by MkDocs, with its text."""
    folder = posixpath.dirname(page.file.src_uri)

    def put(link: re.Match[str]) -> str:
        leaves = posixpath.normpath(posixpath.join(folder, link[2])).startswith("../")
        return link[1] if leaves else link[0]

    return _FILE.sub(r'\1 title="\2"', _RUN.sub(r"\1", _LINK.sub(put, markdown)))
