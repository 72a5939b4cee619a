from __future__ import annotations

import pytest
from mitmproxy.http import Headers, Response

from addons.passing.fields import clean_answer, kept_of_request
from gateway.policy.headers import Fields
from gateway.policy.model import Mode

BOTH = (Mode.FORWARD, Mode.REVERSE)


def passed(mode: Mode, *fields: tuple[str, str]) -> list[str]:
    """The names of the request fields that go on, in order."""
    received = Fields.of(fields)
    return [name for (name, _), keep in zip(received, kept_of_request(received, mode), strict=True) if keep]


def answered(mode: Mode, *fields: tuple[str, str]) -> list[str]:
    """The names of the answer's fields that go on, in order."""
    headers = Headers([(name.encode(), value.encode()) for name, value in fields])
    return [
        name.decode() for name, _ in clean_answer(Response.make(200, b"", headers), mode) if name != b"content-length"
    ]


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize(
    "name",
    [
        "Connection",
        "HTTP2-Settings",
        "Keep-Alive",
        "Proxy",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Upgrade",
        "Wicketgate-Decision",
        "Wicketgate_Decision",
        "wicketgate-anything",
    ],
)
def test_fields_of_one_hop_and_of_the_gateway_never_go_on(name: str, mode: Mode) -> None:
    assert passed(mode, (name, "x"), ("Accept", "*/*")) == ["accept"]


@pytest.mark.parametrize("mode", BOTH)
def test_fields_that_connection_names_stay_on_their_hop(mode: Mode) -> None:
    assert passed(mode, ("Connection", "X-One, close"), ("X-One", "1"), ("Accept", "*/*")) == ["accept"]


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize(
    "name", ["authorization", "cookie", "host", "content-length", "transfer-encoding", "cache-control"]
)
def test_connection_cannot_take_out_a_field_that_others_rely_on(name: str, mode: Mode) -> None:
    assert [name] == passed(mode, ("Connection", name), (name, "1"))


@pytest.mark.parametrize(
    "name",
    [
        "Forwarded",
        "Via",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Port",
        "X-Forwarded-Proto",
        "X-Original-URL",
        "X-Real-IP",
        "X-Request-Id",
        "X-Rewrite-URL",
        "X_Forwarded_For",
        "X.Forwarded.For",
        "X_User",
        "X.User",
        "Client-Cert",
        "Client-Cert-Chain",
        "Client-IP",
        "Remote-User",
        "SSL-Client-Verify",
        "X-Client-Cert",
        "X-Envoy-External-Address",
        "X-Forwarded-Preferred-Username",
        "X-HTTP-Method-Override",
        "X-Original-Forwarded-For",
        "X-Real-Port",
        "X-Remote-User",
        "X-SSL-Client-S-DN",
    ],
)
def test_a_backend_hears_nothing_from_clients_about_forwarding_nor_in_ambiguous_names(name: str) -> None:
    assert passed(Mode.REVERSE, (name, "127.0.0.1"), ("Accept", "*/*")) == ["accept"]


TRACE = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")


def traced(*fields: tuple[str, str], is_trusted: bool) -> list[str]:
    """The names of the request fields that go on behind a reverse listener, from a proxy that is trusted or not."""
    received = Fields.of((*fields, ("tracestate", "a=b"), ("baggage", "c=d"), ("Accept", "*/*")))
    kept = kept_of_request(received, Mode.REVERSE, is_trusted=is_trusted)
    return [name for (name, _), keep in zip(received, kept, strict=True) if keep]


def test_a_trace_goes_on_only_where_a_trusted_proxy_names_one() -> None:
    assert traced(TRACE, is_trusted=True) == ["traceparent", "tracestate", "baggage", "accept"]
    assert traced(TRACE, is_trusted=False) == ["accept"]
    assert traced(TRACE, TRACE, is_trusted=True) == ["accept"]
    assert traced(("traceparent", "evil"), is_trusted=True) == ["accept"]
    assert passed(Mode.FORWARD, TRACE) == ["traceparent"]


def test_a_forward_proxy_leaves_forwarding_fields_to_its_policy() -> None:
    assert passed(Mode.FORWARD, ("X-Forwarded-For", "10.1.1.1"), ("X_User", "a")) == ["x-forwarded-for", "x_user"]


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize(
    "name",
    ["Connection", "Keep-Alive", "Upgrade", "Alt-Svc", "Proxy-Status", "Proxy-Authenticate", "Wicketgate-Decision"],
)
def test_an_origin_speaks_for_itself_alone(name: str, mode: Mode) -> None:
    assert answered(mode, (name, "x"), ("Date", "today")) == ["Date"]


@pytest.mark.parametrize("mode", BOTH)
def test_an_origin_cannot_take_out_framing_or_cookies_through_connection(mode: Mode) -> None:
    fields = (("Connection", "set-cookie, content-type, x-hop"), ("Set-Cookie", "a=1"), ("Content-Type", "a/b"))

    assert answered(mode, *fields, ("X-Hop", "1")) == ["Set-Cookie", "Content-Type"]


@pytest.mark.parametrize(
    "name",
    [
        "Server",
        "Via",
        "X-AspNet-Version",
        "X-AspNetMvc-Version",
        "X-Backend-Server",
        "X-Debug-Token-Link",
        "X-Drupal-Cache",
        "X-Envoy-Upstream-Service-Time",
        "X-Generator",
        "X-PHP-Version",
        "X-Powered-By",
        "X-Powered-CMS",
        "X-Runtime",
        "X-Served-By",
        "X-Varnish",
    ],
)
def test_a_backend_does_not_tell_what_it_is(name: str) -> None:
    assert answered(Mode.REVERSE, (name, "x"), ("Date", "today")) == ["Date"]
    assert [name, "Date"] == answered(Mode.FORWARD, (name, "x"), ("Date", "today"))
