from __future__ import annotations

import asyncio
import re
import socket
from typing import TYPE_CHECKING

import pytest

from addons.serving.foundations import all_own, lay, pseudonym, resolver_of
from gateway.config.settings import ResolverSettings
from gateway.policy.names import Host
from tests.e2e.gateways import Scenery
from tests.e2e.nameserver import name_server, zone

if TYPE_CHECKING:
    from pathlib import Path


def test_everything_is_laid_and_nothing_is_opened(tmp_path: Path) -> None:
    settings = Scenery(folder=tmp_path, origin=1).settings()
    base = lay(settings, None)

    assert base.own == all_own(settings)
    assert {spot[1] for spot in base.own} == {each.bind[1] for each in settings.listeners}
    assert base.fronts == {}
    assert not (settings.state / "audit").exists()


def test_a_gateway_is_known_by_its_state_folder_and_its_name_tells_nothing_of_the_machine(tmp_path: Path) -> None:
    here, there = pseudonym(tmp_path / "here"), pseudonym(tmp_path / "there")

    assert here == pseudonym(tmp_path / "there" / ".." / "here")
    assert here != there
    assert re.fullmatch(r"gateway-[0-9a-f]{12}", here)
    assert socket.gethostname() not in here


def test_the_servers_of_the_configuration_are_asked_and_an_unusable_trust_is_told_at_the_start(tmp_path: Path) -> None:
    with name_server(zone("site.example 60 IN A 192.0.2.7")) as served:

        async def scenario() -> list[str]:
            resolver = resolver_of(ResolverSettings(servers=(served.at("udp"),)))
            found = await resolver.resolve(Host.parse("site.example"))
            resolver.close()
            return [str(each) for each in found]

        assert asyncio.run(scenario()) == ["192.0.2.7"]
        with pytest.raises(ValueError, match=r"none\.pem cannot be used"):
            resolver_of(ResolverSettings(servers=(served.at("tls"),), trust=tmp_path / "none.pem"))
