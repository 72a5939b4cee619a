from __future__ import annotations

import pytest
from mitmproxy.http import Headers, Response

from addons.fields import clean_answer, kept_of_request
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
    ],
)
def test_a_backend_hears_nothing_from_clients_about_forwarding_nor_in_ambiguous_names(name: str) -> None:
    assert passed(Mode.REVERSE, (name, "127.0.0.1"), ("Accept", "*/*")) == ["accept"]


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
    ["Server", "Via", "X-AspNet-Version", "X-AspNetMvc-Version", "X-Generator", "X-Powered-By", "X-Runtime"],
)
def test_a_backend_does_not_tell_what_it_is(name: str) -> None:
    assert answered(Mode.REVERSE, (name, "x"), ("Date", "today")) == ["Date"]
    assert [name, "Date"] == answered(Mode.FORWARD, (name, "x"), ("Date", "today"))
