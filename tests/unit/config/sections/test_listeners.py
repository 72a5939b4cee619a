from __future__ import annotations

import pytest

from tests.unit.config.objections import APP, FORWARD, REVERSE, objections, read


@pytest.mark.parametrize(
    ("said", "listeners"),
    [
        (
            "listeners[0]: `routes` is missing: a reverse listener needs one at least, like `[{upstream: app}]`",
            "[{name: a, mode: reverse, bind: 127.0.0.1:1, policy: p}]",
        ),
        (
            "listeners[0].routes: a forward listener has no routes, its clients say where they want to go",
            "[{name: a, mode: forward, bind: 127.0.0.1:1, policy: p, routes: [{upstream: app}]}]",
        ),
        (
            "listeners[0].mode: `froward` is unknown here, did you mean `forward`?",
            "[" + FORWARD.replace("forward", "froward") + "]",
        ),
        (
            "listeners[0].entry: `socks4` is unknown here, did you mean `socks5`?",
            "[" + FORWARD.replace("}", ", entry: socks4}") + "]",
        ),
        (
            "listeners[0].entry: a reverse listener has one entry, leave `entry` out",
            "[" + REVERSE + "entry: proxy, routes: [{upstream: app}]}]",
        ),
        (
            (
                "listeners[0].trusted_proxies: nobody speaks for another client on a `transparent` listener, "
                "leave `trusted_proxies` out"
            ),
            "[" + FORWARD.replace("}", ", entry: transparent, trusted_proxies: [10.0.0.0/8]}") + "]",
        ),
        (
            "listeners[0].tls: a forward listener is spoken to without TLS, leave `tls` out",
            "[" + FORWARD.replace("}", ", tls: {certificates: [{certificate: a.pem, key: a.key}]}}") + "]",
        ),
        (
            "listeners[0].security_fields: a forward listener leaves answers as they are, leave `security_fields` out",
            "[" + FORWARD.replace("}", ", security_fields: web}") + "]",
        ),
        (
            "listeners[0].security_fields: `stirct` is unknown here, did you mean `strict`?",
            "[" + REVERSE + "security_fields: stirct, routes: [{upstream: app}]}]",
        ),
        (
            ("listeners[0].proxy_protocol: what is redirected here comes from no balancer, leave `proxy_protocol` out"),
            "[" + FORWARD.replace("}", ", entry: transparent, proxy_protocol: {from: [10.0.0.0/8]}}") + "]",
        ),
        (
            "listeners[0].proxy_protocol: `from` is missing, here belongs a list, like `[10.0.0.0/24]`",
            "[" + FORWARD.replace("}", ", proxy_protocol: {}}") + "]",
        ),
        (
            (
                "listeners: the list is empty, here belongs a list, "
                "like `[{name: ..., mode: forward, bind: 127.0.0.1:8080, policy: ...}]`"
            ),
            "[]",
        ),
    ],
)
def test_a_listener_that_makes_no_sense_is_refused_with_the_way_out(said: str, listeners: str) -> None:
    assert [said] == objections(f"{APP}listeners: {listeners}")


@pytest.mark.parametrize("entry", ["proxy", "socks5", "transparent"])
def test_a_forward_listener_has_the_entry_that_it_names(entry: str) -> None:
    settings = read("listeners: [" + FORWARD.replace("}", f", entry: {entry}}}") + "]")

    assert [entry] == [listener.entry for listener in settings.listeners]


def test_a_listener_that_names_no_entry_is_that_of_a_proxy() -> None:
    assert [listener.entry for listener in read(f"listeners: [{FORWARD}]").listeners] == ["proxy"]


@pytest.mark.parametrize("entry", ["proxy", "socks5"])
def test_balancers_that_name_clients_are_networks(entry: str) -> None:
    text = FORWARD.replace("}", f", entry: {entry}, proxy_protocol: {{from: [10.0.0.0/24, 2001:db8::7]}}}}")

    [listener] = read(f"listeners: [{text}]").listeners

    assert [str(each) for each in listener.proxy_protocol] == ["10.0.0.0/24", "2001:db8::7/128"]


TLS = "tls: {certificates: [{certificate: a.pem, key: a.key}]"
ROUTES = "routes: [{upstream: app}]"


@pytest.mark.parametrize(("more", "wanted"), [("", (False, 0)), ("http3: true, ", (True, 0))])
def test_http3_is_spoken_where_somebody_wants_it(more: str, wanted: tuple[bool, int]) -> None:
    [listener] = read(f"{APP}listeners: [{REVERSE}{more}{TLS}}}, {ROUTES}}}]").listeners

    assert (listener.http3, listener.http3_port) == wanted


def test_clients_can_be_told_of_another_port() -> None:
    [listener] = read(f"{APP}listeners: [{REVERSE}http3: true, http3_port: 443, {TLS}}}, {ROUTES}}}]").listeners

    assert (listener.http3, listener.http3_port) == (True, 443)


@pytest.mark.parametrize(
    ("said", "listener"),
    [
        (
            "http3: a forward listener does not speak HTTP/3, leave `http3` out",
            FORWARD.replace("}", ", http3: true}"),
        ),
        ("http3: HTTP/3 is TLS always, add `tls` with certificates", f"{REVERSE}http3: true, {ROUTES}}}"),
        (
            "http3: clients cannot show certificates over HTTP/3 here, leave out `http3` or `client_auth`",
            f"{REVERSE}http3: true, {TLS}, client_auth: required, client_ca: ca.pem}}, {ROUTES}}}",
        ),
        (
            "http3: clients cannot show certificates over HTTP/3 here, leave out `http3` or `client_auth`",
            f"{REVERSE}http3: true, {TLS}, client_auth: optional, client_ca: ca.pem}}, {ROUTES}}}",
        ),
        (
            "http3: no PROXY header comes with HTTP/3, leave out `http3` or `proxy_protocol`",
            f"{REVERSE}http3: true, proxy_protocol: {{from: [10.0.0.0/8]}}, {TLS}}}, {ROUTES}}}",
        ),
        (
            "http3_port: nothing is told without HTTP/3, add `http3: true` or leave it out",
            f"{REVERSE}http3_port: 443, {TLS}}}, {ROUTES}}}",
        ),
    ],
)
def test_http3_that_could_not_be_safe_is_refused_with_the_way_out(said: str, listener: str) -> None:
    assert [f"listeners[0].{said}"] == objections(f"{APP}listeners: [{listener}]")


def test_security_fields_of_a_listener_hold_for_routes_that_say_nothing() -> None:
    routes = "[{upstream: app}, {path: {prefix: [/api]}, upstream: app, security_fields: api}]"
    text = f"{APP}listeners: [{REVERSE}security_fields: web, routes: {routes}}}]"

    [listener] = read(text).listeners

    assert listener.security_fields == "web"
    assert [each.security_fields for each in listener.routes] == [None, "api"]
