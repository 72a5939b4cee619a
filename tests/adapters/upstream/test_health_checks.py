from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, cast

import pytest

from addons.upstream.health_checks import HealthChecks, senders_of
from addons.upstream.probes import Unwell
from gateway.config.endpoints import parse_server
from gateway.config.settings import RouteSettings, UpstreamSettings
from gateway.policy.addresses import Address
from gateway.policy.model import Mode
from gateway.upstreams.pools.health import HealthRules
from gateway.upstreams.pools.rules import CheckRules, PoolRules
from tests.adapters.scene import ALLOW, NOW, Socket

if TYPE_CHECKING:
    from collections.abc import Callable

    from addons.serving.listeners import Listener
    from addons.tls.upstream_tls import UpstreamTls
    from addons.upstream.probes import Law, Probe
    from gateway.upstreams.routes import Server
    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]

OFTEN: Final = CheckRules(path="/up", interval=0.001)
RULES: Final = PoolRules(check=OFTEN, health=HealthRules(fall=1, rise=1))
TWO: Final = ("http://127.0.0.1:8000", "http://127.0.0.1:8001")
PUBLIC: Final = (Address.parse("93.184.216.34"),)


@dataclass
class Looks:
    """Finds servers as a test says, by their ports: well, unless there is a word for what is wrong."""

    wrong: dict[int, Exception] = field(default_factory=dict)
    looked: list[int] = field(default_factory=list)
    seen: asyncio.Event = field(default_factory=asyncio.Event)

    async def look(self, server: Server, check: CheckRules, law: Law) -> None:
        """Look at a server."""
        del check, law
        self.looked.append(server.port)
        self.seen.set()
        if problem := self.wrong.get(server.port):
            raise problem

    async def times(self, more: int) -> None:
        """Wait until it has looked so many times more."""
        wanted = len(self.looked) + more
        while len(self.looked) < wanted:
            self.seen.clear()
            await self.seen.wait()


def checks_of(here: Scene, looks: Looks) -> HealthChecks:
    law = senders_of("app", (), cast("UpstreamTls", None), here.now)
    return HealthChecks(here.pools, cast("Probe", looks), lambda _upstream: law, lambda: 0.5)


def standings(here: Scene) -> list[str]:
    (fleet,) = here.pools
    return [each.value for each in fleet.pool.standings().values()]


def set_up(scene: Setter, rules: PoolRules = RULES) -> Scene:
    return scene(mode=Mode.REVERSE, upstreams=TWO, rules=rules)


def renew(here: Scene, rules: PoolRules, *urls: str) -> None:
    servers = tuple(map(parse_server, urls))
    here.pools.renew({"app": UpstreamSettings(name="app", servers=servers, rules=rules)})


@pytest.mark.parametrize("problem", [Unwell("it answered 500"), RuntimeError("a fault of the look itself")])
def test_who_is_not_well_falls_and_who_is_well_rises(problem: Exception, scene: Setter) -> None:
    here = set_up(scene)

    async def main() -> list[list[str]]:
        looks = Looks({8000: problem})
        checks = checks_of(here, looks)
        checks.renew()
        await looks.times(4)
        found = [standings(here)]
        looks.wrong.clear()
        await looks.times(4)
        found.append(standings(here))
        await checks.stop()
        return found

    assert asyncio.run(main()) == [["down", "up"], ["up", "up"]]


def test_whom_nobody_wants_to_be_looked_at_is_left_alone(scene: Setter) -> None:
    here = set_up(scene, PoolRules())

    async def main() -> list[int]:
        looks = Looks()
        checks = checks_of(here, looks)
        checks.renew()
        await asyncio.sleep(0)
        await checks.stop()
        return looks.looked

    assert asyncio.run(main()) == []


def test_who_joins_is_looked_at_and_who_leaves_is_not(scene: Setter) -> None:
    here = set_up(scene)

    async def main() -> set[int]:
        looks = Looks()
        checks = checks_of(here, looks)
        checks.renew()
        await looks.times(2)
        renew(here, RULES, TWO[1], "http://127.0.0.1:8002")
        checks.renew()
        await asyncio.sleep(0)
        looks.looked.clear()
        await looks.times(6)
        await checks.stop()
        return set(looks.looked)

    assert asyncio.run(main()) == {8001, 8002}


def test_looking_ends_when_it_is_told_to_and_no_task_is_left(scene: Setter) -> None:
    here = set_up(scene)

    async def main() -> int:
        looks = Looks()
        checks = checks_of(here, looks)
        checks.renew()
        await looks.times(2)
        renew(here, replace(RULES, check=None), *TWO)
        checks.renew()
        await checks.stop()
        return len(asyncio.all_tasks())

    assert asyncio.run(main()) == 1


@pytest.mark.parametrize(
    ("is_open", "when"),
    [
        (False, "destination.ip: {in: [93.184.216.0/24]}"),
        (True, "destination.ip: {in: [198.51.100.0/24]}"),
        (True, "destination.ip: {in: [93.184.216.0/24]}, method: [POST]"),
        (True, "client.ip: {in: [192.0.2.0/24]}"),
    ],
)
def test_an_address_that_no_request_may_reach_is_not_looked_at(is_open: bool, when: str, scene: Setter) -> None:  # noqa: FBT001 - the wanted value of a table's row
    policy = ALLOW + f"rules: [{{id: no, action: deny, reason: no, when: {{{when}}}}}]"
    here = scene(mode=Mode.REVERSE, upstreams=TWO, policy=policy)
    sending = senders_of("app", [cast("Listener", here.listener)], cast("UpstreamTls", None), here.now)

    assert sending.is_open(PUBLIC) is is_open
    assert here.now() == NOW


def test_only_those_who_send_requests_there_have_a_say(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE, upstreams=TWO)
    elsewhere = replace(here.listener.settings, routes=(RouteSettings(upstream="other"),))
    other = Socket(Mode.REVERSE, here.listener.store, elsewhere)
    sending = senders_of(
        "app", [cast("Listener", here.listener), cast("Listener", other)], cast("UpstreamTls", None), here.now
    )

    assert [each.settings for each in sending.listeners] == [here.listener.settings]
    assert not senders_of("nobody", [cast("Listener", other)], cast("UpstreamTls", None), here.now).is_open(PUBLIC)
