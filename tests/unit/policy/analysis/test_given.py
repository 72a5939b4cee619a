from __future__ import annotations

from typing import Any

import pytest

from gateway.policy.analysis.given import given_names, with_given
from gateway.policy.errors import Malformed
from gateway.policy.model import UNKNOWN, FactName
from tests.gates import BROWSER, facts


@pytest.mark.parametrize(
    ("name", "texts", "wanted"),
    [
        ("client.ip", ("10.9.9.9",), {"client": "10.9.9.9"}),
        ("destination.ip", ("8.8.8.8", "::ffff:8.8.4.4"), {"destination": ("8.8.8.8", "8.8.4.4")}),
        ("host", ("A.test.",), {"host": "a.test"}),
        ("port", ("8443",), {"port": 8443}),
        ("scheme", ("http",), {"scheme": "http"}),
        ("method", ("POST",), {"method": "POST"}),
        ("request.size", ("20MB",), {"request_size": 20_000_000}),
        ("response.size", ("1KiB",), {"response_size": 1024}),
        ("response.status", ("404",), {"response_status": 404}),
        ("response.type", ("Text/HTML",), {"response_type": "text/html"}),
        ("user", ("alice",), {"user": "alice"}),
        ("group", ("a", "b"), {"groups": ["a", "b"]}),
        ("identity.method", ("password",), {"identity_method": "password"}),
        ("destination.country", ("DE",), {"destination_country": "DE"}),
        ("destination.asn", ("64496",), {"destination_asn": 64496}),
        ("tls.sni", ("a.test",), {"tls_sni": "a.test"}),
        ("tls.version", ("1.2",), {"tls_version": "1.2"}),
        ("tls.inspected", ("false",), {"tls_inspected": False}),
        ("protocol", ("tcp",), {"protocol": "tcp"}),
        ("connect", ("true",), {"connect": True}),
        ("header.x-a", ("1", "2"), {"headers": [("x-a", "1"), ("x-a", "2")]}),
        ("header.x-a", (), {"headers": []}),
        ("header.x-a", None, {"headers": UNKNOWN}),
        ("user", None, {"user": UNKNOWN}),
        ("destination.ip", None, {"destination": UNKNOWN}),
    ],
)
def test_a_fact_is_read_as_people_write_it(name: str, texts: tuple[str, ...] | None, wanted: Any) -> None:
    assert with_given(BROWSER, {name: texts}) == facts(**wanted)


@pytest.mark.parametrize(
    ("wanted", "name", "texts"),
    [
        ("unknown fact `user.name`", "user.name", ("x",)),
        ("unknown fact `clientip`, did you mean `client.ip`?", "clientip", ("x",)),
        ("client.ip: `300.1.1.1` is not an IP address", "client.ip", ("300.1.1.1",)),
        ("user: it has one value, not 2", "user", ("a", "b")),
        ("port: `70000` is no whole number from 1 to 65535", "port", ("70000",)),
        ("port: `x` is no whole number from 1 to 65535", "port", ("x",)),
        ("tls.version: `1.4` is unknown", "tls.version", ("1.4",)),
        ("tls.inspected: `yes` is neither `true` nor `false`", "tls.inspected", ("yes",)),
        ("request.size: `20 apples` is no size", "request.size", ("20 apples",)),
        ("destination.ip: `here` is not an IP address", "destination.ip", ("8.8.8.8", "here")),
    ],
)
def test_a_fact_that_cannot_be_read_is_named(wanted: str, name: str, texts: tuple[str, ...]) -> None:
    with pytest.raises(Malformed) as caught:
        with_given(BROWSER, {name: texts})

    assert str(caught.value).startswith(wanted)


def test_every_fact_but_those_of_the_url_and_the_clock_can_be_given() -> None:
    assert set(FactName) - set(given_names()) == {FactName.PATH, FactName.QUERY, FactName.HEADER, FactName.TIME}
