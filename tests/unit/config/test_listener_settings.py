from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.listener_settings import HostMatch, ListenerSettings, ServerSettings
from gateway.policy.addresses import Address
from gateway.policy.model import Mode
from gateway.policy.names import Host

SHOP = Host.parse("shop.example")


@pytest.mark.parametrize(
    ("wanted", "match", "host"),
    [
        (True, HostMatch(), "anything.example"),
        (True, HostMatch("is", (SHOP,)), "shop.example"),
        (False, HostMatch("is", (SHOP,)), "www.shop.example"),
        (True, HostMatch("under", (SHOP,)), "shop.example"),
        (True, HostMatch("under", (SHOP,)), "www.shop.example"),
        (False, HostMatch("under", (SHOP,)), "notshop.example"),
    ],
)
def test_a_route_is_for_the_hosts_it_names(wanted: bool, match: HostMatch, host: str) -> None:  # noqa: FBT001 - the wanted value of a table's row
    assert wanted is match.matches(Host.parse(host))


@pytest.mark.parametrize(("shown", "address"), [("127.0.0.1:8080", "127.0.0.1"), ("[::1]:8080", "::1")])
def test_an_endpoint_is_shown_as_people_write_it(shown: str, address: str) -> None:
    bind = (Address.parse(address), 8080)

    assert shown == ListenerSettings(name="x", mode=Mode.FORWARD, bind=bind, policy=Path("p.yaml")).endpoint


def test_a_server_is_shown_as_its_url() -> None:
    assert str(ServerSettings(scheme="http", host=Host.parse("::1"), port=8000)) == "http://[::1]:8000"
