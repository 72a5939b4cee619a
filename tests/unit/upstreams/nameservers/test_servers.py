from __future__ import annotations

import pytest

from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed
from gateway.upstreams.nameservers.servers import name_server_at, parse_name_server

DOH = "https://dns.example/dns-query"


@pytest.mark.parametrize(
    ("wanted", "written"),
    [
        (("udp", "192.0.2.1", 53, "192.0.2.1"), "192.0.2.1"),
        (("udp", "192.0.2.1", 5353, "192.0.2.1"), "192.0.2.1:5353"),
        (("udp", "192.0.2.1", 5353, "192.0.2.1"), "UDP://192.0.2.1:5353/"),
        (("udp", "2001:db8::1", 53, "2001:db8::1"), "2001:db8::1"),
        (("udp", "2001:db8::1", 5353, "2001:db8::1"), "[2001:db8::1]:5353"),
        (("tls", "192.0.2.1", 853, "dns.example"), "tls://192.0.2.1#Dns.Example."),
        (("tls", "2001:db8::1", 8853, "dns.example"), "tls://[2001:db8::1]:8853#dns.example"),
        (("tls", "192.0.2.1", 853, "192.0.2.1"), "tls://192.0.2.1"),
        (("https", "192.0.2.1", 443, "192.0.2.1"), "https://192.0.2.1/dns-query"),
    ],
)
def test_a_server_is_named_by_its_address_and_what_it_has_to_prove(
    wanted: tuple[str, str, int, str], written: str
) -> None:
    server = parse_name_server(written)

    assert (server.transport, str(server.address), server.port, server.name.text) == wanted
    assert server.encrypted == (server.transport != "udp")


def test_a_server_of_dns_over_https_has_its_url_and_its_address() -> None:
    server = name_server_at("https://dns.example:8443/dns-query", Address.parse("192.0.2.1"))

    assert (server.name.text, server.port, server.path, str(server.address)) == (
        "dns.example",
        8443,
        "/dns-query",
        "192.0.2.1",
    )
    assert str(server) == "https://dns.example:8443/dns-query at 192.0.2.1"


@pytest.mark.parametrize(
    "text", ["udp://192.0.2.1", "udp://[2001:db8::1]:5353", "tls://192.0.2.1#dns.example", "tls://192.0.2.1:1"]
)
def test_a_server_is_written_as_it_is_read(text: str) -> None:
    assert parse_name_server(str(parse_name_server(text))) == parse_name_server(text)


@pytest.mark.parametrize(
    ("objection", "written"),
    [
        ("named by their addresses, like `192.0.2.1`", "dns.example"),
        ("named by their addresses", "127.1"),
        ("named by their addresses, like `tls://192.0.2.1#dns.example`", "tls://dns.example"),
        ("only `tls://` can prove a name, write `tls://192.0.2.1#dns.example`", "192.0.2.1#dns.example"),
        ("the port has to be a plain number", "192.0.2.1:0"),
        ("the port has to be a plain number", "192.0.2.1:65536"),
        ("the port has to be a plain number", "[2001:db8::1]:"),
        ("are asked by `udp://`, `tls://` or `https://`", "quic://192.0.2.1"),
        ("nobody could resolve `dns.example` before the first answer, write `{url: ", DOH),
        ("write the whole URL without a query", "https://192.0.2.1"),
        ("write the whole URL without a query", "https://192.0.2.1/dns-query{?dns}"),
        ("a name has no empty parts", "tls://192.0.2.1#"),
        ("user information", "https://a@192.0.2.1/dns-query"),
    ],
)
def test_what_would_leave_a_doubt_is_refused(objection: str, written: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_name_server(written)

    assert objection in str(caught.value)


@pytest.mark.parametrize(
    ("objection", "url"),
    [
        ("write `https://`", "http://dns.example/dns-query"),
        ("leave one of them out", "https://192.0.2.9/dns-query"),
        ("neither a path nor an absolute URL", "dns.example"),
    ],
)
def test_a_url_that_does_not_fit_its_address_is_refused(objection: str, url: str) -> None:
    with pytest.raises(Malformed) as caught:
        name_server_at(url, Address.parse("192.0.2.1"))

    assert objection in str(caught.value)
