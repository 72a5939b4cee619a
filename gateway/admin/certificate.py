"""The certificate of the admin side: looked at before it is shown, and shown anew when its files change.

Every handshake gets what is in force when it begins. Files that cannot be used change nothing and are told of. Two
files are never changed at one moment: a pair that does not belong together is read again when the other one follows.
"""

from __future__ import annotations

import datetime as dt
import logging
import ssl
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.authority.shown import read_shown

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.policy.problems import Problem

EVERY: Final = 1.0
"""Seconds from one look at the files to the next."""
_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
_log: Final = logging.getLogger(__name__)

type _Seen = tuple[tuple[int, int, int], ...]


def trouble_with(certificate: Path, key: Path, now: float) -> list[str]:
    """What clients, or we, would stumble over in these files; `now` in seconds since the epoch."""
    problems: list[Problem] = []
    read_shown(certificate, key, dt.datetime.fromtimestamp(now, dt.UTC), problems, is_default=True)
    if not problems:
        try:
            _context(certificate, key)
        except (OSError, ssl.SSLError) as error:
            return [f"`{certificate}` with `{key}` cannot be shown: {(error.strerror or str(error)).lower()}"]
    return [str(each) for each in problems]


@dataclass(slots=True)
class Presented:
    """What is shown. Making it raises OSError or ssl.SSLError for files that cannot be used."""

    certificate: Path
    key: Path
    _current: ssl.SSLContext = field(init=False)
    _seen: _Seen = field(init=False)

    def __post_init__(self) -> None:
        self._seen = self._stat()
        self._current = _context(self.certificate, self.key)

    def context(self) -> ssl.SSLContext:
        """What a server is given once: every handshake takes from it what is in force."""
        found = _context(self.certificate, self.key)
        found.sni_callback = self._choose
        return found

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """Asked in every handshake, also in those that name no host."""
        connection.context = self._current

    def look(self) -> None:
        """Read the files again if they were touched, and put them in force if they can be used."""
        seen = self._stat()
        if seen == self._seen:
            return
        self._seen = seen
        trouble = trouble_with(self.certificate, self.key, time.time())
        if not trouble:
            try:
                self._current = _context(self.certificate, self.key)
            except (OSError, ssl.SSLError) as error:
                trouble = [(error.strerror or str(error)).lower()]
        if trouble:
            _log.warning("admin: the new certificate is refused, the old one is shown on: %s", "; ".join(trouble))
        else:
            _log.info("admin: the new certificate in `%s` is shown from now on", self.certificate)

    def watch(self) -> None:
        """Look for ever."""
        while True:
            time.sleep(EVERY)
            self.look()

    def _stat(self) -> _Seen:
        return tuple(_touched(each) for each in (self.certificate, self.key))


def _touched(file: Path) -> tuple[int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 and 1.3 as the front door has it; nothing is resumed, so nobody goes on with an old certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION
    context.num_tickets = 0
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key, password=_no_password)
    return context


def _no_password() -> str:
    """Nobody is asked at a terminal: a key with a passphrase is one that cannot be used."""
    raise ssl.SSLError("the key is encrypted")
