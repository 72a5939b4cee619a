"""Format `hosts`: lines of hosts(5) that send names nowhere, `0.0.0.0 name [name...]`.

The lines that every hosts file begins with (`127.0.0.1 localhost`, `::1 ip6-loopback`) are no entries. A line that
sends a name to a real address is a mapping that somebody wants, not a name that somebody blocks: it is wrong here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.lists.findings import Wrong
from gateway.lists.lines import DOTTED_NAME, REST, Reader
from gateway.lists.names import names_of, read_name
from gateway.policy.errors import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.lists.findings import Finding
    from gateway.policy.domains import Reach

NOWHERE: Final = frozenset({"0.0.0.0", "127.0.0.1", "::", "::1", "0"})  # noqa: S104 - an address in a file, not a bind
BOILERPLATE: Final = frozenset(
    {
        "0.0.0.0",  # noqa: S104 - a name in a file, not a bind
        "broadcasthost",
        "ip6-allhosts",
        "ip6-allnodes",
        "ip6-allrouters",
        "ip6-localhost",
        "ip6-localnet",
        "ip6-loopback",
        "ip6-mcastprefix",
        "local",
        "localhost",
        "localhost.localdomain",
        "localhost4",
        "localhost4.localdomain4",
        "localhost6",
        "localhost6.localdomain6",
    }
)
"""What systems and list makers put at the head of hosts files."""

_LINE: Final = re.compile(
    rb"^[ \t]*+(?:0\.0\.0\.0|127\.0\.0\.1|::1?)[ \t]++((?!localhost)" + DOTTED_NAME + rb")" + REST, re.MULTILINE
)


def reader(reach: Reach) -> Reader:
    """Reads names that reach as far as the policy says: by themselves, names of a hosts file mean no other name."""

    def one(line: str) -> Iterator[Finding]:
        address, *names = line.partition("#")[0].split() or [""]
        entries = [name for name in names if name.lower() not in BOILERPLATE]
        if not address or (names and not entries):
            return
        if not names:
            yield Wrong(f"{quoted(address)}: the address is missing, a line is like `0.0.0.0 name`")
        elif address not in NOWHERE:
            yield Wrong(f"{quoted(entries[0])} is sent to {quoted(address)}, a list entry is sent to `0.0.0.0`")
        else:
            yield from (read_name(name, reach) for name in entries)

    return Reader(_LINE, names_of(reach), one)
