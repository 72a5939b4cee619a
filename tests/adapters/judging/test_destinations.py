from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from addons.judging.destinations import Destination, destination_of, located, path_sent
from addons.judging.refusals import Refusal
from addons.judging.translate import connection_facts
from gateway.config.settings import HostMatch, RouteSettings
from gateway.lists.geography import Geography
from gateway.policy.addresses import Address
from gateway.policy.headers import Fields
from gateway.policy.model import ABSENT, Facts, Mode, Reason
from gateway.policy.names import Host
from gateway.policy.paths import REVERSE_RULES, Target
from gateway.upstreams.answers import Redirect
from gateway.upstreams.routes import OwnRoute, Route
from tests.adapters.scene import ALLOW, NOW, gate_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from addons.judging.exchange import ConnectionState
    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]

SERVED = HostMatch("under", (Host.parse("shop.example"),))


def asked(scene: Scene, host: str, path: str = "/", scheme: str = "http") -> tuple[ConnectionState, Facts]:
    """A request for a host and a path on a connection of its own."""
    state = scene.state(scene.client())
    target = Target.parse(path, REVERSE_RULES)
    named = replace(connection_facts(state, NOW), scheme=scheme, host=Host.parse(host), port=443)
    facts = replace(named, target=target, method="GET", headers=Fields(()))
    return state, facts


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_forward_request_goes_to_the_place_it_names(scheme: str, scene: Setter) -> None:
    found = destination_of(*asked(scene(), "site.example", scheme=scheme))

    assert found == Destination(scheme, Host.parse("site.example"), 443)
    assert isinstance(found, Destination)
    assert found.endpoint == ("site.example", 443)


def test_a_reverse_request_goes_where_its_route_leads(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE, served=SERVED, upstreams=("https://app.internal:8443",))
    found = destination_of(*asked(here, "www.shop.example"))

    assert isinstance(found, Route)
    assert found.upstream.name == "app"


@pytest.mark.parametrize(
    ("status", "reason", "host", "path"),
    [(421, Reason.NO_ROUTE, "other.example", "/"), (400, Reason.NOT_CANONICAL, "shop.example", "/a/../b")],
)
def test_a_request_that_goes_nowhere_is_refused(
    status: int, reason: Reason, host: str, path: str, scene: Setter
) -> None:
    found = destination_of(*asked(scene(mode=Mode.REVERSE, served=SERVED), host, path))

    assert isinstance(found, Refusal)
    assert (found.status, found.decision.reason) == (status, reason)


def test_a_request_without_a_host_is_an_error_and_goes_nowhere(scene: Setter) -> None:
    here = scene()
    state = here.state(here.client())

    with pytest.raises(LookupError):
        destination_of(state, connection_facts(state, NOW))


def test_where_a_request_goes_is_known_as_far_as_its_addresses_are() -> None:
    gate, map_of = gate_of(ALLOW, Mode.FORWARD), Geography()
    address = Address.parse("93.184.216.34")

    assert located(Facts(now=NOW), (address,), gate, map_of).destination_ips == (address,)
    assert located(Facts(now=NOW), (), gate, map_of).destination_ips is ABSENT


SLASHES = RouteSettings(upstream="app", prefixes=("/files",), encoded_slash="allow")
STRIPPED = RouteSettings(upstream="app", prefixes=("/api",), strip_prefix="/api", methods=("GET", "PUT"))
ANSWERED = RouteSettings(answer=Redirect.to("https://shop.example"), prefixes=("/old",))
KEEPING = replace(REVERSE_RULES, encoded_slash="keep")


def routed(scene: Setter, path: str, method: str = "GET") -> Destination | Route | OwnRoute | Refusal:
    state, known = asked(scene(mode=Mode.REVERSE, routes=(SLASHES, STRIPPED, ANSWERED)), "shop.example")
    return destination_of(state, replace(known, target=Target.parse(path, KEEPING), method=method))


@pytest.mark.parametrize(
    ("sent", "path"),
    [("/items/7", "/api/items/7"), ("/", "/api"), (None, "/files/a%2fb"), (None, "/files/%5c")],
)
def test_what_is_sent_in_the_place_of_the_path_is_known(sent: str | None, path: str, scene: Setter) -> None:
    found = routed(scene, path)

    assert isinstance(found, Route)
    assert path_sent(Target.parse(path, KEEPING), found) == sent


@pytest.mark.parametrize(
    ("status", "reason", "path", "method"),
    [
        (400, Reason.MALFORMED_REQUEST, "/api/a%2fb", "GET"),
        (400, Reason.MALFORMED_REQUEST, "/old/a%5cb", "GET"),
        # it separates nothing: this is no path below `/files`
        (404, Reason.NO_ROUTE, "/files%2fa", "GET"),
        (404, Reason.NO_ROUTE, "/other", "GET"),
        (405, Reason.NO_ROUTE, "/api/x", "DELETE"),
    ],
)
def test_what_no_route_is_for_is_refused(status: int, reason: Reason, path: str, method: str, scene: Setter) -> None:
    found = routed(scene, path, method)

    assert isinstance(found, Refusal)
    assert (found.status, found.decision.reason) == (status, reason)
    assert found.fields == (((b"Allow", b"GET, PUT"),) if status == 405 else ())


def test_a_route_that_answers_by_itself_goes_nowhere(scene: Setter) -> None:
    found = routed(scene, "/old/x")

    assert isinstance(found, OwnRoute)
    assert found.answer == ANSWERED.answer
