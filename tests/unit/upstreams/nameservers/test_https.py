from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest

from gateway.upstreams.nameservers.https import NO_HTTP2, Posts
from gateway.upstreams.nameservers.messages import LARGEST, Kind, NoAnswer, absolute, question, read
from tests.e2e.nameserver import Served, name_server, zone
from tests.e2e.origins import make_authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ZONE = zone("site.example 60 IN A 192.0.2.1", "b.example 60 IN A 192.0.2.2")
NAMES = ("site.example", "b.example", "gone.example")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with name_server(ZONE, server_context(tmp_path)) as served:
        yield served


def server_context(folder: Path) -> ssl.SSLContext:
    context = make_authority(folder / "ca.pem").context("dns.example")
    context.set_alpn_protocols(["h2"])
    return context


def asked_of(served: Served, folder: Path, *names: str, alpn: str = "h2") -> list[list[str]]:
    """The addresses of names that are all asked for at once on one connection."""

    async def scenario() -> list[list[str]]:
        trust = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        trust.set_alpn_protocols([alpn])
        loop, server = asyncio.get_running_loop(), served.at("https", "dns.example")
        _, posts = await loop.create_connection(
            lambda: Posts(server), "127.0.0.1", served.port, ssl=trust, server_hostname="dns.example"
        )
        asked = [question(absolute(name), Kind.A, padded=True) for name in names]
        try:
            async with asyncio.timeout(5):
                wires = await asyncio.gather(*(posts.ask(each.to_wire()) for each in asked))
        finally:
            posts.fail("over")
        replies = [read(each, wire) for each, wire in zip(asked, wires, strict=True)]
        return [[str(address) for address in reply.addresses] for reply in replies]

    return asyncio.run(scenario())


def test_questions_share_a_connection_and_get_their_own_answers(served: Served, tmp_path: Path) -> None:
    assert asked_of(served, tmp_path, *NAMES) == [["192.0.2.1"], ["192.0.2.2"], []]
    assert {by for by, _, _ in served.asked} == {"https"}
    assert served.opened == 1


@pytest.mark.parametrize(
    ("why", "status", "media_type"),
    [
        ("answered with status 500", "500", "application/dns-message"),
        ("answered with status 302", "302", "application/dns-message"),
        ("something else than DNS", "200", "text/html"),
    ],
)
def test_what_is_no_dns_answer_is_none(why: str, status: str, media_type: str, served: Served, tmp_path: Path) -> None:
    served.status, served.media_type = status, media_type

    with pytest.raises(NoAnswer, match=why):
        asked_of(served, tmp_path, "site.example")
    assert len(served.asked) == 1  # no redirect was followed


def test_an_answer_without_an_end_is_cut_off(served: Served, tmp_path: Path) -> None:
    served.says = lambda _asked, _by: [bytes(LARGEST + 1)]

    with pytest.raises(NoAnswer, match="too large"):
        asked_of(served, tmp_path, "site.example")


def test_a_server_without_http_2_is_not_asked(served: Served, tmp_path: Path) -> None:
    with pytest.raises(NoAnswer, match=NO_HTTP2):
        asked_of(served, tmp_path, "site.example", alpn="http/1.1")
    assert served.asked == []
