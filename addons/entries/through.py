"""A tunnel through another proxy: on a connection to it, TLS if it wants that, and a CONNECT that it has to accept.

What comes out is a connection to the destination for everybody above, who verify TLS to it as they always do. Nothing
of what a parent says is shown to a client: its refusals, its 407 and its pages become the gateway's own.

Source: RFC 9110 section 9.3.6 (CONNECT: whatever a 2xx says of a body means nothing), section 11.7 (407).
"""

from __future__ import annotations

import asyncio
import re
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from gateway.policy.model import Decision, Reason, refuse

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.policy.names import Host
    from gateway.upstreams.parents import Parent

type Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([2-5][0-9]{2})(?: [^\r\n]*)?\r\n")
_LARGEST_HEAD: Final = 32 * 1024
_ASKS_FOR_CREDENTIALS: Final = 407
_GATEWAY_TIMEOUT: Final = 504
_ACCEPTED: Final = range(200, 300)


class ParentFailed(OSError):  # noqa: N818 - it says what happened
    """A parent gave no tunnel. `decision` is how an exchange ends that needed one."""

    def __init__(self, message: str, reason: Reason = Reason.PARENT_REFUSED) -> None:
        super().__init__(message)
        self.decision: Final[Decision] = refuse(reason, message)


async def through(streams: Streams, parent: Parent, target: tuple[Host, int] | None) -> Streams:
    """Speak with a parent until the connection leads to `target`; None stays with the parent, for plain requests.

    The caller brings the deadline. Raises ParentFailed, and has closed the connection then.
    """
    reader, writer = streams
    try:
        if parent.scheme == "https":
            await _encrypt(writer, parent)
        if target is not None:
            await _connect(reader, writer, parent, target[0].authority(target[1]))
    except BaseException:
        writer.transport.abort()
        raise
    return reader, writer


async def _encrypt(writer: asyncio.StreamWriter, parent: Parent) -> None:
    try:
        await writer.start_tls(_context(parent.trust), server_hostname=parent.host.text)
    except ssl.SSLCertVerificationError as error:
        raise ParentFailed(f"The parent proxy could not prove who it is: {error.verify_message}.") from None
    except OSError:
        raise ParentFailed("The parent proxy broke off the TLS handshake.") from None


@lru_cache(maxsize=8)
def _context(trust: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if trust is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(str(trust))
    context.set_alpn_protocols(["http/1.1"])
    return context


async def _connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, parent: Parent, target: str) -> None:
    lines = [f"CONNECT {target} HTTP/1.1".encode("ascii"), f"Host: {target}".encode("ascii")]
    if parent.authorization is not None:
        lines.append(b"Proxy-Authorization: " + parent.authorization)
    writer.write(b"\r\n".join((*lines, b"", b"")))
    status = _status_of(await _head(reader))
    if status in _ACCEPTED:
        return
    if status == _ASKS_FOR_CREDENTIALS:
        raise ParentFailed("The parent proxy asks for other credentials.")
    reason = Reason.PARENT_TIMEOUT if status == _GATEWAY_TIMEOUT else Reason.PARENT_REFUSED
    raise ParentFailed(f"The parent proxy answered {status}.", reason)


async def _head(reader: asyncio.StreamReader) -> bytes:
    """The head of the answer and not a byte more: what follows it comes from the destination."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
        raise ParentFailed("The parent proxy closed, or gave no answer that can be read.") from None
    if len(head) > _LARGEST_HEAD:
        raise ParentFailed("The head of the parent proxy's answer has no end.")
    return head


def _status_of(head: bytes) -> int:
    found = _STATUS_LINE.match(head)
    if found is None:
        raise ParentFailed("The parent proxy gave no answer that can be read.")
    return int(found[1])
