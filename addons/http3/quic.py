"""One QUIC connection of aioquic, with a bound on everything that a peer can make it keep.

aioquic raises its windows when bytes arrive; here they are raised when what came was passed on. It takes as many
streams as a peer likes over time; here as many at a time as we say. It sorts what comes in pieces by going through all
of them; here there are few. And its handshake stops once the hello was read, until somebody who has judged it goes on.

Source: RFC 9000 section 4 (flow control), section 9 (migration), section 21 (security), RFC 9001 section 8.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, override

from aioquic._buffer import Buffer, BufferReadError
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection, QuicConnectionError, QuicReceiveContext
from aioquic.quic.events import QuicEvent, StopSendingReceived
from aioquic.quic.packet import QuicErrorCode, QuicFrameType
from aioquic.tls import Alert, AlertDescription, AlertInternalError, AlertUnexpectedMessage

if TYPE_CHECKING:
    from aioquic.quic.packet_builder import QuicPacketBuilder
    from aioquic.quic.recovery import QuicPacketSpace
    from aioquic.quic.stream import QuicStream

    from gateway.authority.shown import Shown

CID: Final = 8
"""Bytes of the connection ids that we choose."""
ONE_WAY: Final = 16
"""Streams in one direction that a client may open in its life; HTTP/3 needs three."""
_HANDSHAKE: Final = 64 * 1024
"""Bytes of TLS messages that a client may send on each level."""
_PIECES: Final = 128
"""Pieces out of order in which a stream may lie before us."""
_RANGES: Final = 32
"""Ranges of packets that we remember for our acknowledgements (RFC 9000 section 13.2.3)."""
_CHALLENGES: Final = 5
_NEW_IDS: Final = 256
"""Connection ids that a client may give us in its life; nobody migrates, so few are ever used."""
_LARGEST_ID: Final = 2**62
_MESSAGE_HEAD: Final = 4
_ALERT: Final = int(QuicErrorCode.CRYPTO_ERROR)


@dataclass(frozen=True, slots=True)
class Windows:
    """How much a client may send ahead, in bytes: on one stream, on the connection; and how many streams at once."""

    stream: int = 128 * 1024
    connection: int = 4 * 1024 * 1024
    streams: int = 100


@dataclass
class HelloHeard(QuicEvent):
    """The client's hello is whole: its body, without the head of the message. The handshake waits."""

    body: bytes


def configuration(idle: float, windows: Windows) -> QuicConfiguration:
    """What every connection is set up with; `idle` in seconds. The certificate is chosen when the hello was judged."""
    return QuicConfiguration(
        is_client=False,
        alpn_protocols=["h3"],
        connection_id_length=CID,
        idle_timeout=idle,
        max_data=windows.connection,
        max_stream_data=windows.stream,
        certificate=_UNCHOSEN,
        private_key=_UNCHOSEN,
    )


_UNCHOSEN: Final = object()


class GatewayQuic(QuicConnection):
    """A client's connection. `owed` are the bytes of each stream that were read and could not be passed on yet."""

    def __init__(
        self, settings: QuicConfiguration, windows: Windows, *, original: bytes, retried: bytes | None
    ) -> None:
        super().__init__(
            configuration=settings, original_destination_connection_id=original, retry_source_connection_id=retried
        )
        self.owed: Final[dict[int, int]] = {}
        self.seen = 0
        """Packets that were read; what cannot be decrypted is nobody's."""
        self.fault: str | None = None
        """What the client did wrong, if the connection ends for that."""
        self.takes_more = True
        """Whether the client may open more streams."""
        self.is_full = False
        """Whether something waits until the client has acknowledged what it got."""
        self._windows: Final = windows
        self._held: bytes | None = None
        self._new_ids = 0
        for limit, most in ((self._local_max_streams_bidi, windows.streams), (self._local_max_streams_uni, ONE_WAY)):
            limit.value = limit.sent = most

    @property
    def is_ending(self) -> bool:
        """Whether nothing more will be heard, because either side has said so."""
        return self._close_event is not None

    def take(self, datagram: bytes, address: tuple[str, int], now: float) -> None:
        """Read a datagram. What aioquic stumbles over is the client's fault, as everything in it is."""
        try:
            self.receive_datagram(datagram, address, now=now)
        except (ValueError, IndexError, KeyError, AssertionError) as error:
            self.close(QuicErrorCode.PROTOCOL_VIOLATION, QuicFrameType.PADDING, f"unreadable: {type(error).__name__}")

    def end(self, code: int, why: str = "", *, fault: bool = False) -> None:
        """End the connection as HTTP/3 does, with a code of the application; `fault` says that it is the client's."""
        if fault and self.fault is None:
            self.fault = why
        super().close(error_code=code, reason_phrase="")

    def refuse(self, alert: int) -> None:
        """End the handshake with an alert of TLS."""
        super().close(error_code=_ALERT + alert, frame_type=QuicFrameType.CRYPTO)

    def turn_away(self) -> None:
        """Say that there is no room."""
        super().close(error_code=QuicErrorCode.CONNECTION_REFUSED, frame_type=QuicFrameType.PADDING)

    @override
    def close(self, error_code: int = 0, frame_type: int | None = None, reason_phrase: str = "") -> None:
        """Aioquic ends the connection for what the client did; the client is told the code alone."""
        if error_code != QuicErrorCode.NO_ERROR and self.fault is None:
            self.fault = reason_phrase or f"code {error_code:#x}"
        super().close(error_code=error_code, frame_type=frame_type, reason_phrase="")

    # The handshake

    @override
    def _initialize(self, peer_cid: bytes) -> None:
        super()._initialize(peer_cid)
        vars(self.tls)["_server_handle_hello"] = self._hold_hello

    def _hold_hello(self, hello: Buffer, *_answers: Buffer) -> None:
        if self._held is not None:
            raise AlertUnexpectedMessage("a second hello")
        self._held = hello.data_slice(0, hello.capacity)
        hello.seek(hello.capacity)
        self._events.append(HelloHeard(self._held[_MESSAGE_HEAD:]))

    def go_on(self, shown: Shown) -> None:
        """Answer the hello that was held, with this certificate."""
        held, tls = self._held or b"", self.tls
        tls.certificate, tls.certificate_chain = shown.certificate, list(shown.chain)
        tls.certificate_private_key = shown.key
        try:
            type(tls)._server_handle_hello(tls, Buffer(data=held), *tuple(self._crypto_buffers.values()))  # noqa: SLF001 - what was put off is done now
            self._push_crypto_data()
        except Alert as alert:
            self.close(_ALERT + int(alert.description), QuicFrameType.CRYPTO, str(alert))
        except QuicConnectionError as error:
            self.close(error.error_code, error.frame_type, error.reason_phrase)
        except BufferReadError:
            self.close(_ALERT + int(AlertDescription.decode_error), QuicFrameType.CRYPTO, "an unreadable hello")
        except (AssertionError, ValueError):  # no key share that we know: aioquic has no second try
            self.close(_ALERT + int(AlertInternalError.description), QuicFrameType.CRYPTO, "no key in common")

    @override
    def _handle_crypto_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        at = buf.tell()
        if buf.pull_uint_var() + buf.pull_uint_var() > _HANDSHAKE:
            raise QuicConnectionError(QuicErrorCode.CRYPTO_BUFFER_EXCEEDED, frame_type, "a handshake without an end")
        buf.seek(at)
        super()._handle_crypto_frame(context, frame_type, buf)
        _check_pieces(self._crypto_streams[context.epoch], frame_type)

    # What a client may send

    @override
    def _payload_received(
        self, context: QuicReceiveContext, plain: bytes, crypto_frame_required: bool = False
    ) -> tuple[bool, bool]:
        self.seen += 1
        found = super()._payload_received(context, plain, crypto_frame_required)
        for space in self._spaces.values():
            while len(space.ack_queue) > _RANGES:
                space.ack_queue.shift()
        return found

    @override
    def _handle_stream_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        at = buf.tell()
        stream_id = buf.pull_uint_var()
        buf.seek(at)
        super()._handle_stream_frame(context, frame_type, buf)
        stream = self._streams.get(stream_id)
        if stream is not None:
            _check_pieces(stream, frame_type)

    @override
    def _handle_stop_sending_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        """Aioquic fails if a stream was reset already, which both sides may do at one time."""
        at = buf.tell()
        stream_id, code = buf.pull_uint_var(), buf.pull_uint_var()
        stream = self._streams.get(stream_id)
        if stream is not None and stream.sender._reset_error_code is not None:  # noqa: SLF001 - it tells nobody else
            return
        if stream is not None and stream.sender.is_finished and self._stream_can_send(stream_id):
            self._events.append(StopSendingReceived(error_code=code, stream_id=stream_id))
            return
        buf.seek(at)
        super()._handle_stop_sending_frame(context, frame_type, buf)

    @override
    def _handle_path_challenge_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        super()._handle_path_challenge_frame(context, frame_type, buf)
        challenges = context.network_path.remote_challenges
        while len(challenges) > _CHALLENGES:
            challenges.popleft()

    @override
    def _handle_new_connection_id_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        self._new_ids += 1
        if self._new_ids > _NEW_IDS:
            raise QuicConnectionError(QuicErrorCode.CONNECTION_ID_LIMIT_ERROR, frame_type, "too many connection ids")
        super()._handle_new_connection_id_frame(context, frame_type, buf)

    # Windows

    @property
    def progress(self) -> tuple[int, int]:
        """Bytes of streams that came, and those of ours that are on their way: what real work changes."""
        return self._local_max_data.used, self._loss.bytes_in_flight

    def window(self, stream_id: int) -> int:
        """How many bytes of a stream the client may send beyond those that came."""
        stream = self._streams.get(stream_id)
        if stream is None or stream.receiver.is_finished:
            return 0
        data = self._local_max_data
        return min(stream.max_stream_data_local - stream.receiver.highest_offset, data.value - data.used)

    def give_back(self, stream_id: int, size: int) -> None:
        """Bytes of a stream were passed on, or are of no use to anybody."""
        left = self.owed.get(stream_id, 0) - size
        if left > 0:
            self.owed[stream_id] = left
        else:
            self.owed.pop(stream_id, None)

    def _kept(self) -> int:
        waiting = sum(len(each.receiver._buffer) for each in self._streams.values())  # noqa: SLF001 - what lies there out of order
        return waiting + sum(self.owed.values())

    @override
    def _write_connection_limits(self, builder: QuicPacketBuilder, space: QuicPacketSpace) -> None:
        data, streams = self._local_max_data, self._local_max_streams_bidi
        if data.value - data.used < self._windows.connection // 2:
            data.value = max(data.value, data.used + self._windows.connection - self._kept())
        wanted = len(self._streams_finished) + self._windows.streams
        if self.takes_more and wanted - streams.value >= self._windows.streams // 4:
            streams.value = wanted
        for limit in (data, streams, self._local_max_streams_uni):
            if limit.value != limit.sent:
                buf = builder.start_frame(
                    limit.frame_type, capacity=9, handler=self._on_connection_limit_delivery, handler_args=(limit,)
                )
                buf.push_uint_var(limit.value)
                limit.sent = limit.value

    @override
    def _write_stream_limits(self, builder: QuicPacketBuilder, space: QuicPacketSpace, stream: QuicStream) -> None:
        if not stream.max_stream_data_local or stream.receiver.is_finished:
            return
        number = stream.stream_id or 0
        wanted = stream.receiver.starting_offset() - self.owed.get(number, 0) + self._windows.stream
        if wanted - stream.max_stream_data_local >= self._windows.stream // 2:
            stream.max_stream_data_local = wanted
        if stream.max_stream_data_local_sent != stream.max_stream_data_local:
            buf = builder.start_frame(
                QuicFrameType.MAX_STREAM_DATA,
                capacity=17,
                handler=self._on_max_stream_data_delivery,
                handler_args=(stream,),
            )
            buf.push_uint_var(number)
            buf.push_uint_var(stream.max_stream_data_local)
            stream.max_stream_data_local_sent = stream.max_stream_data_local

    # What we send

    def unsent(self, stream_id: int) -> int:
        """Bytes of a stream that the client has not acknowledged yet."""
        stream = self._streams.get(stream_id)
        return 0 if stream is None else _unsent(stream)

    @property
    def all_unsent(self) -> int:
        """The same of all streams, the ends of bodies counted as a byte."""
        return sum(_unsent(each) + _is_open_end(each) for each in self._streams.values())

    @property
    def is_answering(self) -> bool:
        """Whether a part of an answer was not acknowledged yet."""
        return any(_unsent(each) or _is_open_end(each) for number, each in self._streams.items() if number % 4 == 0)

    def is_forgotten(self, stream_id: int) -> bool:
        """Whether a stream has ended on both sides, so that nothing is heard of it any more."""
        return stream_id in self._streams_finished

    def can_send(self, stream_id: int) -> bool:
        """Whether something more can be said on a stream of the client's."""
        stream = self._streams.get(stream_id)
        return (
            stream is not None
            and stream.sender._reset_error_code is None  # noqa: SLF001 - it tells nobody else
            and stream.sender._buffer_fin is None  # noqa: SLF001 - it tells nobody else
        )

    def drop(self, stream_id: int, code: int, *, answered: bool) -> None:
        """Hear no more of a stream; say no more on it either, unless its answer was said whole."""
        stream = self._streams.get(stream_id)
        self.owed.pop(stream_id, None)
        if stream is None:
            return
        if not stream.receiver.is_finished:
            stream.receiver.stop(code)
        if not answered and not stream.sender.is_finished and stream.sender._reset_error_code is None:  # noqa: SLF001 - it tells nobody else
            stream.sender.reset(code)


def _check_pieces(stream: QuicStream, frame_type: int) -> None:
    if len(stream.receiver._ranges) > _PIECES:  # noqa: SLF001 - aioquic goes through all of them for each frame
        raise QuicConnectionError(QuicErrorCode.PROTOCOL_VIOLATION, frame_type, "too many pieces out of order")


def _unsent(stream: QuicStream) -> int:
    sender: Any = stream.sender
    if sender._reset_error_code is not None:  # noqa: SLF001 - what was reset is not sent
        return 0
    size: int = sender._buffer_stop - sender._buffer_start  # noqa: SLF001 - it tells nobody else
    return size


def _is_open_end(stream: QuicStream) -> bool:
    sender: Any = stream.sender
    return sender._buffer_fin is not None and not sender.is_finished and sender._reset_error_code is None  # noqa: SLF001 - it tells nobody else
