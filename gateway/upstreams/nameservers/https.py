"""DNS over HTTPS: every question is a POST on one HTTP/2 connection, and its answer the body of a 200.

Nothing else of HTTP is spoken: no redirect is followed, no cookie kept, no other type of content read. The id of a
question is 0 on the wire, because HTTP/2 tells the answers apart.

Sources: RFC 8484, RFC 9113.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, override

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError, TooManyStreamsError
from h2.settings import SettingCodes

from gateway.upstreams.nameservers.channels import Channel
from gateway.upstreams.nameservers.messages import LARGEST, NoAnswer

if TYPE_CHECKING:
    import asyncio

    from gateway.upstreams.nameservers.servers import NameServer

MEDIA_TYPE: Final = "application/dns-message"
NO_HTTP2: Final = "the name server does not speak HTTP/2"
_FULL: Final = "the name server takes no more questions"
_PORT: Final = 443
_ID: Final = 2


class Posts(Channel):
    """Questions as requests of HTTP/2."""

    def __init__(self, server: NameServer) -> None:
        super().__init__()
        self._server: Final = server
        self._http: Final = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._bodies: Final[dict[int, bytearray]] = {}

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is None or tls.selected_alpn_protocol() != "h2":
            self.fail(NO_HTTP2)
            return
        self._http.initiate_connection()
        self._http.update_settings({SettingCodes.ENABLE_PUSH: 0})
        self._flush()

    @override
    def send(self, wire: bytes) -> int:
        try:
            number = self._http.get_next_available_stream_id()
            self._http.send_headers(number, self._head(len(wire)))
            self._http.send_data(number, bytes(_ID) + wire[_ID:], end_stream=True)
        except TooManyStreamsError:
            raise NoAnswer(_FULL) from None
        except ProtocolError:
            self.fail(_FULL)
            raise NoAnswer(_FULL) from None
        self._bodies[number] = bytearray()
        self._flush()
        return number

    @override
    def forget(self, number: int) -> None:
        super().forget(number)
        if self._bodies.pop(number, None) is not None and self.closed is None:
            with suppress(ProtocolError):  # most often it has ended
                self._http.reset_stream(number, ErrorCodes.CANCEL)
                self._flush()

    @override
    def data_received(self, data: bytes) -> None:
        self.heard += 1
        try:
            for event in self._http.receive_data(data):
                self._take(event)
        except ProtocolError:
            self.fail("the name server breaks the rules of HTTP/2")
            return
        self._flush()

    def _take(self, event: Event) -> None:
        match event:
            case ResponseReceived(stream_id=int(number), headers=headers):
                self._check_head(number, {str(name): str(value) for name, value in headers or ()})
            case DataReceived(stream_id=int(number), data=bytes(data), flow_controlled_length=int(length)):
                self._http.acknowledge_received_data(length, number)
                self._gather(number, data)
            case StreamEnded(stream_id=int(number)):
                self.answered(number, bytes(self._bodies.get(number, b"")))
            case StreamReset(stream_id=int(number)):
                self.refused(number, "the name server broke off its answer")
            case ConnectionTerminated():
                self.fail("the name server closed the connection")

    def _gather(self, number: int, data: bytes) -> None:
        body = self._bodies.get(number)
        if body is None:
            return
        body.extend(data)
        if len(body) > LARGEST:
            self.refused(number, "the name server's answer is too large")

    def _check_head(self, number: int, head: dict[str, str]) -> None:
        status, kind = head.get(":status"), head.get("content-type", "").partition(";")[0].strip().lower()
        if status != "200":
            self.refused(number, f"the name server answered with status {status}")
        elif kind != MEDIA_TYPE:
            self.refused(number, "the name server answered with something else than DNS")

    def _head(self, length: int) -> list[tuple[str, str]]:
        return [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", self._server.name.authority(self._server.port, _PORT)),
            (":path", self._server.path),
            ("content-type", MEDIA_TYPE),
            ("accept", MEDIA_TYPE),
            ("content-length", str(length)),
        ]

    def _flush(self) -> None:
        self.write(self._http.data_to_send())
