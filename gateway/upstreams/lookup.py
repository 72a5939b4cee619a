"""The system's resolver, asked for every address of a name; what goes wrong is said in plain words.

`getaddrinfo` blocks, so `System` asks it in threads of its own, and never asks more at once than there are. Addresses
with a zone id are left out: they name a link of this machine, and nothing that was judged.
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NO_SUCH_NAME: Final = "no such name"
NO_ADDRESS: Final = "the name has no address"
TIMED_OUT: Final = "the name servers did not answer in time"
_WORDS: Final = {
    socket.EAI_NONAME: NO_SUCH_NAME,
    socket.EAI_NODATA: NO_ADDRESS,
    socket.EAI_AGAIN: "temporary failure of the name servers",
    socket.EAI_FAIL: "the name servers refuse to answer",
}


class LookupFailed(Exception):  # noqa: N818 - it says what happened to the look-up
    """A name has no address now; the text says why, in a few words.

    `keep` is how long that is known to stay so, in seconds; None if nobody said.
    """

    def __init__(self, why: str, keep: float | None = None) -> None:
        super().__init__(why)
        self.keep = keep


@dataclass(frozen=True, slots=True)
class Found:
    """Every address of a name. `keep` is how long they hold, in seconds; None if nobody said."""

    addresses: tuple[Address, ...]
    keep: float | None = None


class System:
    """Asks the system. `at_once` look-ups at the same time, the others wait for their turn."""

    def __init__(self, at_once: int = 16, lookup: Callable[[str], tuple[Address, ...]] | None = None) -> None:
        self._lookup = lookup or system_lookup
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="resolver")

    async def look_up(self, name: str, _seconds: float) -> Found:
        """Every address of `name`. Raises LookupFailed; the system knows no deadline, so the caller has to."""
        return Found(await asyncio.get_running_loop().run_in_executor(self._threads, self._lookup, name))

    def close(self) -> None:
        """Start no look-up any more; those that run end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


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
        raise LookupFailed(NO_ADDRESS)
    return addresses


def _usable(literals: Iterable[str]) -> tuple[Address, ...]:
    found: dict[Address, None] = {}
    for literal in literals:
        with suppress(Malformed):
            found[Address.parse(literal)] = None
    return tuple(found)
