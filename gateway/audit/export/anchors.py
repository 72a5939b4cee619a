"""Anchors that are reached over the network: checkpoints as messages of syslog, or posted to a webhook.

They go the way of exported records: syslog counts as taken when the receiver has read it to the end and hung up in
order, a webhook when it answers so. A checkpoint is one line of JSON in both, so that the file that a receiver writes
is what `wicketgate audit verify --anchor` reads. Secrets are read anew for each, authorities when they have changed.

Source: RFC 5424, RFC 6587, RFC 5425; Standard Webhooks 1.0.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.export.credentials import field_value, signing_key, tls_context
from gateway.audit.export.forms import Message
from gateway.audit.export.posting import Posting
from gateway.audit.export.receivers import Hopeless, NotTaken
from gateway.audit.export.to_http import Webhook
from gateway.audit.export.to_syslog import Syslog
from gateway.audit.proof.anchors import NotKept, size_in
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gateway.audit.export.receivers import Receiver
    from gateway.audit.export.rules import Anchorage

KIND: Final = "checkpoint"
"""What syslog calls the kind of these messages (MSGID)."""


@dataclass(slots=True, kw_only=True)
class RemoteAnchor:
    """Sends checkpoints to one receiver; `host` is the name of this machine. One thread uses it."""

    at: Anchorage
    host: str
    environ: Mapping[str, str]
    clock: Callable[[], float]
    _context: ssl.SSLContext | None = None
    _read: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """What it speaks and where it is."""
        return self.at.name

    def keep(self, line: str) -> None:
        """Send a line, and see it taken. Raises NotKept."""
        found = json.loads(line)
        origin = found["checkpoint"].partition("\n")[0]
        message = Message(size_in(found["checkpoint"]), {"time": found["time"], "event": KIND}, line)
        try:
            with closing(self._receiver(origin)) as receiver:
                receiver.deliver([message])
        except (NotTaken, Hopeless, Malformed) as error:
            raise NotKept(str(error)) from None

    def _receiver(self, origin: str) -> Receiver:
        at = self.at
        context = self._trusted() if at.target.is_encrypted else None
        if at.kind == "syslog":
            return Syslog(at.target, context, origin, self.host)
        fields = {} if at.authorization is None else {"Authorization": field_value(at.authorization, self.environ)}
        secret = None if at.secret is None else signing_key(at.secret, self.environ)
        posting = Posting(at.target, context)
        return Webhook(posting=posting, log=origin, secret=secret, fields=fields, clock=self.clock)

    def _trusted(self) -> ssl.SSLContext:
        """Whom to believe; read when it has changed, because reading many authorities holds up other threads."""
        read = () if self.at.trust is None else _stamp(self.at.trust)
        if self._context is None or read != self._read:
            self._context, self._read = tls_context(self.at.trust), read
        return self._context


def _stamp(path: Path) -> tuple[int, ...]:
    """What is another one if a file is."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns
