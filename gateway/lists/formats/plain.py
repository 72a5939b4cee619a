"""Format `plain` of domain lists: a name on each line, `#` begins a comment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.lists.lines import NAME, REST, Reader
from gateway.lists.names import names_of, read_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.lists.findings import Finding
    from gateway.policy.domains import Reach

_LINE: Final = re.compile(rb"^[ \t]*+(" + NAME + rb")" + REST, re.MULTILINE)


def reader(reach: Reach) -> Reader:
    """Reads names that reach as far as the policy says with `match`."""

    def one(line: str) -> Iterator[Finding]:
        name = line.partition("#")[0].strip()
        if name:
            yield read_name(name, reach)

    return Reader(_LINE, names_of(reach), one)
