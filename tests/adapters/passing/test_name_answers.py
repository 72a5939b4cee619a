from __future__ import annotations

from typing import TYPE_CHECKING

import dns.message
import pytest

from gateway.upstreams.nameservers.service_records import LONGEST
from tests.e2e.gateways import Scenery, serving
from tests.e2e.nameserver import answer
from tests.e2e.origin import client, origin, read_all

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

RECORDS = ("site.example 60 IN HTTPS 1 . alpn=h3", "site.example 60 IN A 192.0.2.1")
MESSAGE = answer(dns.message.make_query("site.example.", "HTTPS"), *RECORDS).to_wire()


def passed(folder: Path, body: bytes, *fields: bytes, reverse: bool = False) -> tuple[bytes, list[str | None]]:
    """What a client gets of an answer with this body, and the reasons of the end records."""
    head = b"\r\n".join((b"HTTP/1.1 200 OK", b"Content-Type: application/dns-message", *fields))
    with origin(head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body) as served:
        target, host = b"http://origin.example:%d" % served.port, b"origin.example:%d" % served.port
        if reverse:
            target, host = b"", b"shop.example"
        with (
            serving(Scenery(folder=folder, origin=served.port)) as gateway,
            client(gateway.reverse if reverse else gateway.forward) as connection,
        ):
            connection.sendall(b"GET %s/dns-query HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (target, host))
            got = read_all(connection).partition(b"\r\n\r\n")[2]
    return got, [record["reason"] for record in gateway.records() if record["event"] == "end"]


def test_an_answer_passes_without_the_records_that_lead_past_the_gateway(tmp_path: Path) -> None:
    got, reasons = passed(tmp_path, MESSAGE)

    assert (len(got), reasons) == (len(MESSAGE), [None])
    assert sorted(int(each.rdtype) for each in dns.message.from_wire(got).answer) == [1, 65280]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"no message at all", ()),
        (MESSAGE, (b"Content-Encoding: gzip",)),
        (MESSAGE + bytes(LONGEST), ()),
    ],
    ids=["no message", "packed", "larger than it may be"],
)
def test_what_cannot_be_read_as_an_answer_is_cut_off(body: bytes, fields: tuple[bytes, ...], tmp_path: Path) -> None:
    got, reasons = passed(tmp_path, body, *fields)

    assert (got, reasons) == (b"", ["upstream-broken"])


def test_a_server_of_ones_own_says_what_it_likes(tmp_path: Path) -> None:
    assert passed(tmp_path, MESSAGE, reverse=True) == (MESSAGE, [None])
