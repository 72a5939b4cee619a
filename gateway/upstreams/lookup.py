"""The system's resolver, asked for every address of a name; what goes wrong is said in plain words.

`getaddrinfo` blocks, so this runs in a thread of its own. Addresses with a zone id are left out: they name a link of
this machine, and nothing that was judged.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Iterable

NO_SUCH_NAME: Final = "no such name"
_WORDS: Final = {
    socket.EAI_NONAME: NO_SUCH_NAME,
    socket.EAI_NODATA: "the name has no address",
    socket.EAI_AGAIN: "temporary failure of the name servers",
    socket.EAI_FAIL: "the name servers refuse to answer",
}


class LookupFailed(Exception):  # noqa: N818 - it says what happened to the look-up
    """A name has no address now; the text says why, in a few words."""


def system_lookup(name: str) -> tuple[Address, ...]:
    """Every address that the system knows for `name`, each once, in the system's order. Raises LookupFailed."""
    try:
        answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise LookupFailed(_WORDS.get(error.errno or 0, "the system cannot resolve it")) from None
    except (UnicodeError, ValueError):
        raise LookupFailed(NO_SUCH_NAME) from None
    except OSError:
        raise LookupFailed("the system cannot resolve it") from None
    addresses = _usable(str(answer[4][0]) for answer in answers)
    if not addresses:
        raise LookupFailed(_WORDS[socket.EAI_NODATA])
    return addresses


def _usable(literals: Iterable[str]) -> tuple[Address, ...]:
    found: dict[Address, None] = {}
    for literal in literals:
        with suppress(Malformed):
            found[Address.parse(literal)] = None
    return tuple(found)
