"""Whether the addresses of a start can be listened on, asked before anything is opened."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.policy.addresses import Address

_WORDS: Final = {
    errno.EADDRINUSE: "{endpoint} is taken by another process, choose another with `{way_out}`",
    errno.EADDRNOTAVAIL: "{endpoint} is no address of this machine, choose another with `{way_out}`",
    errno.EACCES: "{endpoint} needs the right to use ports below 1024, choose a higher one with `{way_out}`",
}


def endpoint(bind: tuple[Address, int]) -> str:
    """An address and a port as people write them: `127.0.0.1:8080`, `[::1]:8080`."""
    address, port = bind
    return f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"


def trouble_with(bind: tuple[Address, int], way_out: str) -> str | None:
    """Why nobody can listen there, as a sentence that names the way out; None if it can be done."""
    address, port = bind
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - the version of IP
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        # As listeners do: a port whose last connections are still closing is free.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((str(address), port))
            trial.listen(1)
        except OSError as error:
            words = _WORDS.get(error.errno or 0)
            if words is None:
                return f"{endpoint(bind)}: {(error.strerror or str(error)).lower()}"
            return words.format(endpoint=endpoint(bind), way_out=way_out)
    return None
