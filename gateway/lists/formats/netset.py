"""Format `netset` (and `plain`) of network lists: a network or an address on each line, `#` or `;` begins a comment.

No line is left out: one that cannot be read may be the very network that somebody relies on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.lists.lines import Reader
from gateway.lists.networks import QUAD, prefixes_of, read_network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.lists.findings import Finding

_LINE: Final = re.compile(rb"^[ \t]*+(" + QUAD + rb"(?:/[1-3]?[0-9])?+)[ \t]*+(?:[#;][^\n]*+)?\r?$", re.MULTILINE)
_COMMENT: Final = re.compile(r"[#;].*")


def reader() -> Reader:
    """Reads networks of both versions."""

    def one(line: str) -> Iterator[Finding]:
        text = _COMMENT.sub("", line).strip()
        if text:
            yield read_network(text)

    return Reader(_LINE, prefixes_of, one)
