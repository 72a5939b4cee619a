"""Name servers on loopback: plain over UDP and TCP, over TLS and over HTTPS, that say whatever a test wants said."""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

from gateway.policy.addresses import Address
from gateway.policy.names import Host
from gateway.upstreams.nameservers.servers import NameServer, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    type Says = Callable[[dns.message.Message, str], Sequence[bytes]]
    """What is sent back for a question that came by `udp`, `tcp`, `tls` or `https`; nothing for silence."""

PATIENCE: Final = 10.0
LOOPBACK: Final = Address.parse("127.0.0.1")
SOA: Final = "example. 600 IN SOA ns.example. root.example. 1 2 3 4 60"


class Raw(bytes):
    """What is written to a stream as it stands, without its length."""

    __slots__ = ()


def answer(
    asked: dns.message.Message, *records: str, rcode: dns.rcode.Rcode = dns.rcode.NOERROR, soa: str = ""
) -> dns.message.Message:
    """An answer of these records, each one line of a zone file."""
    message = dns.message.make_response(asked)
    message.set_rcode(rcode)
    for line in records:
        name, ttl, kind_class, kind, data = line.split(None, 4)
        found = message.find_rrset(
            message.answer,
            dns.name.from_text(name),
            dns.rdataclass.from_text(kind_class),
            dns.rdatatype.from_text(kind),
            create=True,
        )
        for record in dns.rrset.from_text(name, int(ttl), kind_class, kind, data):
            found.add(record, int(ttl))
    if soa:
        name, ttl, kind_class, kind, data = soa.split(None, 4)
        message.authority.append(dns.rrset.from_text(name, int(ttl), kind_class, kind, data))
    return message


def zone(*records: str) -> Says:
    """Tells what these records say; of a name without any, that there is no such name."""
    names = {line.split()[0].removesuffix(".") for line in records}

    def says(asked: dns.message.Message, _by: str) -> Sequence[bytes]:
        name, kind = question_of(asked)
        aliases = [line for line in records if line.split()[3] == "CNAME"]
        told = [line for line in records if line.split()[0].removesuffix(".") == name and line.split()[3] == kind]
        while alias := next((line for line in aliases if line.split()[0].removesuffix(".") == name), None):
            aliases.remove(alias)
            name = alias.split()[4].removesuffix(".")
            told.append(alias)
            told += [line for line in records if line.split()[0].removesuffix(".") == name and line.split()[3] == kind]
        rcode = dns.rcode.NOERROR if name in names else dns.rcode.NXDOMAIN
        has_end = any(line.split()[3] == kind for line in told)
        return [answer(asked, *told, rcode=rcode, soa="" if has_end else SOA).to_wire(max_size=65535)]

    return says


def question_of(asked: dns.message.Message) -> tuple[str, str]:
    """Name and kind of what was asked."""
    question = asked.question[0]
    return question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)


@dataclass
class Served:
    """A name server that runs. `asked` holds what it was asked, with the way it came; `says` may be replaced.
    `peers` are the places from which datagrams came.

    `status` and `media_type` are what DNS over HTTPS answers with; `opened` counts connections.
    """

    says: Says
    port: int = 0
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    peers: list[tuple[str, int]] = field(default_factory=list)
    opened: int = 0
    status: str = "200"
    media_type: str = "application/dns-message"
    close_after: bool = False

    def at(self, transport: Transport, name: str = "127.0.0.1") -> NameServer:
        """How the gateway is told of it."""
        path = "/dns-query" if transport == "https" else ""
        return NameServer(transport=transport, address=LOOPBACK, port=self.port, name=Host.parse(name), path=path)

    def told(self, wire: bytes, by: str) -> Sequence[bytes]:
        asked = dns.message.from_wire(wire)
        self.asked.append((by, *question_of(asked)))
        return self.says(asked, by)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, served: Served) -> None:
        self.served = served

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # what it is
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.served.peers.append(addr)
        for message in self.served.told(data, "udp"):
            self.transport.sendto(message, addr)


async def _stream(served: Served, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    tls = writer.get_extra_info("ssl_object")
    served.opened += 1
    try:
        if tls is not None and tls.selected_alpn_protocol() == "h2":
            await _https(served, reader, writer)
        while not reader.at_eof():
            length = int.from_bytes(await reader.readexactly(2))
            wire = await reader.readexactly(length)
            for message in served.told(wire, "tcp" if tls is None else "tls"):
                writer.write(message if isinstance(message, Raw) else len(message).to_bytes(2) + message)
            if served.close_after:
                return
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()


async def _https(served: Served, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    http, bodies = H2Connection(H2Configuration(client_side=False)), dict[int, bytes]()
    http.initiate_connection()
    while True:
        writer.write(http.data_to_send())
        data = await reader.read(65536)
        if not data:
            return
        for event in http.receive_data(data):
            match event:
                case RequestReceived(stream_id=int(number), headers=headers):
                    head = dict(headers or ())
                    assert head[b":path"] == b"/dns-query"
                    assert head[b"content-type"] == b"application/dns-message"
                    bodies[number] = b""
                case DataReceived(stream_id=int(number), data=bytes(piece)):
                    bodies[number] += piece
                case StreamEnded(stream_id=int(number)):
                    for message in served.told(bodies[number], "https"):
                        fields = [(":status", served.status), ("content-type", served.media_type), ("location", "/x")]
                        http.send_headers(number, fields)
                        for start in range(0, len(message), 16000):
                            http.send_data(number, message[start : start + 16000])
                        http.end_stream(number)
                        break


async def _serve(served: Served, tls: ssl.SSLContext | None, ready: threading.Event, end: asyncio.Event) -> None:
    loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(_stream(served, reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    transport = None
    if tls is None:
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(served), local_addr=("127.0.0.1", served.port)
        )
    ready.set()
    await end.wait()
    server.close()
    if transport is not None:
        transport.abort()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def name_server(says: Says, tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """Serve within this block: over UDP and TCP, or with a context over TLS and HTTPS."""
    served, loop, ready, end = Served(says=says), asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(_serve(served, tls, ready, end),), daemon=True)
    thread.start()
    try:
        assert ready.wait(PATIENCE)
        yield served
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(PATIENCE)
        loop.close()
