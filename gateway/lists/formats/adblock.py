"""Format `adblock`: the rules of a filter list that are nothing but names.

`||name^` is the name and all below it, `@@||name^` an exemption. Every other rule (parts of pages, parts of URLs,
modifiers like `$third-party`) says something that a list of names cannot say: read as a name it would mean more or less
than it says, so it is left out and counted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.lists.findings import Skipped
from gateway.lists.lines import NAME, Reader
from gateway.lists.names import names_of, read_name
from gateway.policy.domains import Reach
from gateway.policy.errors import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.lists.findings import Finding

_LINE: Final = re.compile(rb"^[ \t]*+\|\|(" + NAME + rb")\^[ \t]*+\r?$", re.MULTILINE)
_PURE: Final = re.compile(r"(@@)?\|\|([^\s/^*|$,=~?&:]+|\[[0-9A-Fa-f:.]+\])\^")
_COMMENT: Final = re.compile(r"!|# |#+$|\[.*\]$")


def reader() -> Reader:
    """Reads names that reach below; the format says so itself."""

    def one(line: str) -> Iterator[Finding]:
        rule = line.strip()
        if _COMMENT.match(rule):
            return
        pure = _PURE.fullmatch(rule)
        if pure is None:
            yield Skipped(quoted(rule))
        else:
            yield read_name(pure[2], Reach.UNDER, exempt=pure[1] is not None)

    return Reader(_LINE, names_of(Reach.UNDER), one)
