from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from redis import exceptions

from gateway.limits.cluster.connecting import StoreAddress, connect, trouble
from gateway.policy.errors import Malformed
from tests.authorities import issue
from tests.stores import store_server


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("redis://store.example", "redis://store.example:6379/0"),
        ("redis://store.example:7000/3", "redis://store.example:7000/3"),
        ("rediss://[2001:db8::1]/", "rediss://[2001:db8::1]:6379/0"),
        ("unix:///run/valkey.sock", "unix:///run/valkey.sock?db=0"),
        ("unix:///run/valkey.sock?db=2", "unix:///run/valkey.sock?db=2"),
    ],
)
def test_a_store_has_a_place(text: str, spelt: str) -> None:
    assert str(StoreAddress.parse(text)) == spelt


@pytest.mark.parametrize(
    ("text", "way_out"),
    [
        ("redis://user:hunter2@store.example", "`credentials`"),
        ("http://store.example", "a store is at"),
        ("redis://", "a host, a port"),
        ("redis://store.example:70000", "up to 65535"),
        ("redis://store.example/x", "is a number"),
        ("redis://store.example?db=1", "a host, a port"),
        ("unix://run/valkey.sock", "absolute path"),
    ],
)
def test_what_is_no_place_of_a_store_is_refused_without_a_word_of_a_password(text: str, way_out: str) -> None:
    with pytest.raises(Malformed) as refused:
        StoreAddress.parse(text)

    assert way_out in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_file_of_authorities_that_is_not_there_is_told() -> None:
    with pytest.raises(Malformed, match=r"`none\.pem` of `trust` is not there"):
        connect(StoreAddress.parse("rediss://store.example"), None, Path("none.pem"), 0.05)


async def _asked(url: str, credentials: tuple[str | None, str] | None = None, trust: Path | None = None) -> str:
    client = connect(StoreAddress.parse(url), credentials, trust, 5.0)
    try:
        return str(await client.execute_command("PING"))  # type: ignore[no-untyped-call]  # redis types it nowhere
    except Exception as error:  # noqa: BLE001 - whatever it is, it has to be told in words
        return trouble(error, 0.05)
    finally:
        with suppress(Exception):
            await client.aclose(close_connection_pool=True)


def test_credentials_are_shown_and_wrong_ones_are_told_as_such(tmp_path: Path) -> None:
    with store_server(tmp_path, "--requirepass", "hunter2", "--user", "gw", "on", ">secret1", "~*", "+@all") as server:
        said = [
            asyncio.run(_asked(server.url, credentials))
            for credentials in ((None, "hunter2"), ("gw", "secret1"), (None, "wrong"), None)
        ]

    refused = "it does not take the credentials"
    assert said == ["True", "True", refused, refused]


def test_a_store_over_tls_proves_who_it_is(tmp_path: Path) -> None:
    root, stranger = issue("The store's root"), issue("Somebody else")
    named = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    leaf = issue("store", root, is_authority=False, signs=False, more=[(named, False)])
    certificate, key = leaf.save(tmp_path, "store")
    trusted, other = root.save(tmp_path, "root")[0], stranger.save(tmp_path, "other")[0]
    files = ("--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", trusted)
    with store_server(tmp_path, *map(str, files), "--tls-auth-clients", "no", tls=True) as server:
        said = [asyncio.run(_asked(server.url, None, trust)) for trust in (trusted, other, None)]

    unproved = "it could not prove who it is, or speaks no TLS"
    assert said == ["True", unproved, unproved]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (exceptions.BusyLoadingError("LOADING"), "it is still loading what it knows"),
        (exceptions.MovedError("1 127.0.0.1:1"), "it is part of a cluster that shares its keys out"),
        (exceptions.ResponseError("MISCONF errors of the disk hunter2"), "it answered `MISCONF`"),
        (exceptions.ResponseError("no code hunter2"), "it answered with an error"),
        (exceptions.TimeoutError("hunter2"), "it gave no answer in 50 ms"),
        (TimeoutError(), "it gave no answer in 50 ms"),
        (ValueError("hunter2"), "it gave an answer that cannot be read"),
        (ssl.SSLError("hunter2"), "it could not prove who it is, or speaks no TLS"),
        (exceptions.ConnectionError("hunter2"), "it cannot be reached"),
    ],
)
def test_what_is_wrong_is_told_in_words_that_hold_nothing_else(error: Exception, words: str) -> None:
    assert trouble(error, 0.05) == words
