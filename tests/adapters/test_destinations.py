from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from addons.destinations import Destination, destination_of, located
from addons.dialing import Turns
from addons.refusals import Refusal
from addons.translate import connection_facts
from gateway.config.settings import HostMatch
from gateway.lists.geography import Geography
from gateway.policy.addresses import Address
from gateway.policy.model import ABSENT, Facts, Mode, Reason
from gateway.policy.names import Host
from gateway.policy.paths import REVERSE_RULES, Target
from tests.adapters.scene import ALLOW, NOW, gate_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from addons.exchange import ConnectionState
    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]

SERVED = HostMatch("under", (Host.parse("shop.example"),))


def asked(scene: Scene, host: str, path: str = "/", scheme: str = "http") -> tuple[ConnectionState, Facts]:
    """A request for a host and a path on a connection of its own."""
    state = scene.state(scene.client())
    target = Target.parse(path, REVERSE_RULES)
    facts = replace(connection_facts(state, NOW), scheme=scheme, host=Host.parse(host), port=443, target=target)
    return state, facts


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_forward_request_goes_to_the_place_it_names(scheme: str, scene: Setter) -> None:
    found = destination_of(*asked(scene(), "site.example", scheme=scheme), Turns())

    assert found == Destination(scheme, Host.parse("site.example"), 443)
    assert isinstance(found, Destination)
    assert found.endpoint == ("site.example", 443)


def test_a_reverse_request_goes_to_a_server_of_its_route(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE, served=SERVED, upstreams=("https://app.internal:8443",))
    found = destination_of(*asked(here, "www.shop.example"), Turns())

    assert isinstance(found, Destination)
    assert (found.scheme, found.endpoint) == ("https", ("app.internal", 8443))


@pytest.mark.parametrize(
    ("status", "reason", "host", "path"),
    [(421, Reason.NO_ROUTE, "other.example", "/"), (400, Reason.NOT_CANONICAL, "shop.example", "/a/../b")],
)
def test_a_request_that_goes_nowhere_is_refused(
    status: int, reason: Reason, host: str, path: str, scene: Setter
) -> None:
    found = destination_of(*asked(scene(mode=Mode.REVERSE, served=SERVED), host, path), Turns())

    assert isinstance(found, Refusal)
    assert (found.status, found.decision.reason) == (status, reason)


def test_a_request_without_a_host_is_an_error_and_goes_nowhere(scene: Setter) -> None:
    here = scene()
    state = here.state(here.client())

    with pytest.raises(LookupError):
        destination_of(state, connection_facts(state, NOW), Turns())


def test_where_a_request_goes_is_known_as_far_as_its_addresses_are() -> None:
    gate, map_of = gate_of(ALLOW, Mode.FORWARD), Geography()
    address = Address.parse("93.184.216.34")

    assert located(Facts(now=NOW), (address,), gate, map_of).destination_ips == (address,)
    assert located(Facts(now=NOW), (), gate, map_of).destination_ips is ABSENT
