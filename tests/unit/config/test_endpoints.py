from __future__ import annotations

import pytest

from gateway.config.endpoints import parse_bind, parse_server
from gateway.policy.errors import Malformed


@pytest.mark.parametrize(
    ("address", "port", "text"),
    [
        ("127.0.0.1", 8080, "127.0.0.1:8080"),
        ("0.0.0.0", 1, "0.0.0.0:1"),
        ("::1", 8080, "[::1]:8080"),
        ("127.0.0.1", 0, "127.0.0.1:0"),
    ],
)
def test_an_address_to_listen_on_is_an_address_and_a_port(address: str, port: int, text: str) -> None:
    bound, at = parse_bind(text)

    assert (address, port) == (str(bound), at)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("`8080` is no address to listen on, write `127.0.0.1:8080`", "8080"),
        ("`127.0.0.1` is no address to listen on, write it like `127.0.0.1:8080`", "127.0.0.1"),
        ("`:8080` is no address to listen on, write it like `127.0.0.1:8080`", ":8080"),
        ("`::1:8080` is no address to listen on, write it like `127.0.0.1:8080`", "::1:8080"),
        ("`127.0.0.1:65536`: ports go up to 65535", "127.0.0.1:65536"),
        ("`localhost:80`: write the address itself, like `127.0.0.1:80` or `[::1]:80`", "localhost:80"),
        ("`127.1:80`: write the address itself, like `127.0.0.1:80` or `[::1]:80`", "127.1:80"),
    ],
)
def test_what_nobody_can_listen_on_is_refused_with_the_way_out(said: str, text: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_bind(text)

    assert said == str(caught.value)


@pytest.mark.parametrize(
    ("shown", "url"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://app.example:80", "http://App.Example./"),
        ("https://app.example:443", "https://app.example"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_server_is_a_scheme_a_host_and_a_port(shown: str, url: str) -> None:
    assert shown == str(parse_server(url))
    assert parse_server(url, 3).weight == 3


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ("`http://a/x`: leave out what follows the host and port, requests bring their own path", "http://a/x"),
        ("`http://a?x`: leave out what follows the host and port, requests bring their own path", "http://a?x"),
        ("this is no URL of a server: the scheme `ftp` is not accepted, only http and https are", "ftp://a"),
        ("this is no URL of a server: the host is missing", "http:///"),
    ],
)
def test_what_is_no_server_is_refused_with_the_way_out(said: str, url: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_server(url)

    assert said == str(caught.value)


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(Malformed) as caught:
        parse_server("http://admin:hunter2@app.example")

    assert "hunter2" not in str(caught.value)
