from __future__ import annotations

import pytest

from gateway.pages.home import NAME, PATHS, Home
from gateway.policy.names import Host

OFFICE = Home(("10.0.0.5", 8080), (Host.parse("proxy.corp.example"), 3128))
LAPTOP = Home(("127.0.0.1", 8080))
SIX = Home(("2001:db8::5", 8080))


@pytest.mark.parametrize("spelling", ["WICKETGATE.Internal", "wicketgate.internal.", "wicketgate\u3002\uff49nternal"])
def test_its_name_has_one_spelling(spelling: str) -> None:
    assert Host.parse(spelling) == NAME


@pytest.mark.parametrize("path", sorted(PATHS))
@pytest.mark.parametrize("host", ["10.0.0.5:8080", "wicketgate.internal", "WicketGate.Internal.:8080"])
def test_every_page_is_there_under_the_gateways_own_names(path: str, host: str) -> None:
    assert OFFICE.is_asked("GET", path, host)
    assert OFFICE.is_asked("HEAD", path, host)


@pytest.mark.parametrize(
    ("home", "host"),
    [
        (OFFICE, "proxy.corp.example:3128"),
        (LAPTOP, "127.0.0.1:8080"),
        (LAPTOP, "localhost:8080"),
        (SIX, "[2001:db8::5]:8080"),
        (SIX, "[2001:DB8:0::5]:8080"),
    ],
)
def test_a_listener_is_known_by_its_address_and_by_the_name_that_it_was_given(home: Home, host: str) -> None:
    assert home.is_asked("GET", "/proxy.pac", host)


@pytest.mark.parametrize(
    ("method", "target", "host"),
    [
        ("GET", "/proxy.pac", "rebound.example:8080"),
        ("GET", "/proxy.pac", "10.0.0.5"),
        ("GET", "/proxy.pac", "10.0.0.5:8081"),
        ("GET", "/proxy.pac", "10.0.0.6:8080"),
        ("GET", "/proxy.pac", "localhost:8080"),
        ("GET", "/proxy.pac", "proxy.corp.example:8080"),
        ("GET", "/proxy.pac", "wpad.corp.example"),
        ("GET", "/proxy.pac", "x.wicketgate.internal"),
        ("GET", "/proxy.pac", "a@10.0.0.5:8080"),
        ("GET", "/proxy.pac", ""),
        ("GET", "/proxy.pac", None),
        ("GET", "/%70roxy.pac", "10.0.0.5:8080"),
        ("GET", "//proxy.pac", "10.0.0.5:8080"),
        ("GET", "/admin", "10.0.0.5:8080"),
        ("GET", "*", "10.0.0.5:8080"),
        ("POST", "/proxy.pac", "10.0.0.5:8080"),
        ("get", "/proxy.pac", "10.0.0.5:8080"),
        ("OPTIONS", "/", "wicketgate.internal"),
    ],
)
def test_under_a_strangers_name_or_for_another_path_nothing_is_there(
    method: str, target: str, host: str | None
) -> None:
    assert not OFFICE.is_asked(method, target, host)


@pytest.mark.parametrize(
    ("found", "target", "host"),
    [
        (True, "/wpad.dat", "wpad"),
        (True, "/wpad.dat", "wpad.corp.example"),
        (True, "/wpad.dat?x", "WPAD.corp.example:80"),
        (False, "/wpad.dat", "x.wpad.example"),
        (False, "/wpad.dat", "wpad2.example"),
        (False, "/ca.pem", "wpad.corp.example"),
    ],
)
def test_browsers_find_the_configuration_under_wpad_and_nothing_else(found: bool, target: str, host: str) -> None:  # noqa: FBT001 - the wanted value of a table's row
    assert found is OFFICE.is_asked("GET", target, host)


@pytest.mark.parametrize(
    ("proxy", "home", "asked_at"),
    [
        ("proxy.corp.example:3128", OFFICE, None),
        ("proxy.corp.example:3128", OFFICE, "10.0.0.5:8080"),
        ("127.0.0.1:8080", LAPTOP, None),
        ("localhost:8080", LAPTOP, "LocalHost:8080"),
        ("wpad.corp.example:80", LAPTOP, "wpad.corp.example"),
        ("wicketgate.internal:8080", LAPTOP, "wicketgate.internal:8080"),
        ("[2001:db8::5]:8080", SIX, None),
        ("[2001:db8::5]:8080", SIX, "[2001:db8:0:0::5]:8080"),
    ],
)
def test_the_proxy_is_where_it_was_configured_else_where_it_was_asked(
    proxy: str, home: Home, asked_at: str | None
) -> None:
    assert proxy == home.proxy_for(asked_at)


def test_what_is_no_proxy_for_http_is_not_told_as_one() -> None:
    socks = Home(("127.0.0.1", 1080), is_proxy=False)
    named = Home(("127.0.0.1", 1080), (Host.parse("proxy.corp.example"), 8080), is_proxy=False)

    assert (socks.proxy_for(None), named.proxy_for(None)) == (None, "proxy.corp.example:8080")
