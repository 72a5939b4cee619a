from __future__ import annotations

import asyncio
import errno
import ssl
from functools import partial
from typing import TYPE_CHECKING

import pytest

from gateway.upstreams.nameservers.connections import (
    NO_FILES,
    NOT_TRUSTED,
    UNREACHABLE,
    Connections,
    trusting,
    words_for,
)
from gateway.upstreams.nameservers.messages import Kind, absolute, question, read
from tests.e2e.nameserver import name_server, zone
from tests.e2e.origins import make_authority

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.upstreams.nameservers.servers import NameServer

ZONE = zone("site.example 60 IN A 192.0.2.1")


async def ask(connections: Connections, server: NameServer) -> list[str]:
    asked = question(absolute("site.example"), Kind.A)
    async with asyncio.timeout(5):
        return [str(each) for each in read(asked, await connections.ask(server, asked.to_wire())).addresses]


def test_a_connection_is_used_again_and_opened_anew_when_it_was_closed() -> None:
    with name_server(ZONE) as served:

        async def scenario() -> None:
            connections = Connections()
            for _ in range(3):
                assert await ask(connections, served.at("udp")) == ["192.0.2.1"]
            assert served.opened == 1
            served.close_after = True
            for _ in range(3):
                assert await ask(connections, served.at("udp")) == ["192.0.2.1"]
            assert served.opened > 1
            connections.close()

        asyncio.run(scenario())


def test_many_questions_at_once_open_one_connection() -> None:
    with name_server(ZONE) as served:

        async def scenario() -> None:
            connections = Connections()
            answers = await asyncio.gather(*(ask(connections, served.at("udp")) for _ in range(50)))
            connections.close()
            assert answers == [["192.0.2.1"]] * 50

        asyncio.run(scenario())
        assert (served.opened, len(served.asked)) == (1, 50)


def test_a_connection_that_stays_silent_is_not_used_again() -> None:
    with name_server(lambda _asked, _by: []) as served:

        async def scenario() -> None:
            connections = Connections()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await ask(connections, served.at("udp"))
            served.says = ZONE
            assert await ask(connections, served.at("udp")) == ["192.0.2.1"]
            connections.close()

        asyncio.run(scenario())
        assert served.opened == 2


@pytest.mark.parametrize("name", ["dns.example", "127.0.0.1"])
def test_a_server_proves_its_name_or_its_address_over_tls(name: str, tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "ca.pem")
    with name_server(ZONE, authority.context("dns.example", "127.0.0.1")) as served:

        async def scenario() -> list[str]:
            connections = Connections(partial(trusting, authority.file))
            try:
                return await ask(connections, served.at("tls", name))
            finally:
                connections.close()

        assert asyncio.run(scenario()) == ["192.0.2.1"]
        assert {by for by, _, _ in served.asked} == {"tls"}


def test_a_server_that_proves_another_name_or_nothing_is_not_asked(tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "ca.pem")
    with name_server(ZONE, authority.context("other.example")) as served:

        async def scenario(trust: Path | None) -> str:
            with pytest.raises(ssl.SSLCertVerificationError) as caught:
                await ask(Connections(partial(trusting, trust)), served.at("tls", "dns.example"))
            return words_for(caught.value)

        assert asyncio.run(scenario(authority.file)) == NOT_TRUSTED  # another name
        assert asyncio.run(scenario(None)) == NOT_TRUSTED  # an authority that nobody knows
        assert served.asked == []


def test_a_file_of_authorities_that_holds_none_is_told_of_before_anything_is_asked(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing", encoding="utf-8")

    with pytest.raises(ValueError, match=r"empty\.pem cannot be used: it holds no certificate"):
        trusting(empty)
    with pytest.raises(ValueError, match=r"none\.pem cannot be used: no such file"):
        trusting(tmp_path / "none.pem")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (NO_FILES, OSError(errno.EMFILE, "")),
        (UNREACHABLE, OSError(errno.ENETUNREACH, "")),
        (UNREACHABLE, ConnectionRefusedError()),
        ("the name server does not speak TLS", ssl.SSLError(1, "wrong version number")),
    ],
)
def test_what_went_wrong_is_said_in_words(words: str, error: OSError) -> None:
    assert words_for(error) == words
