"""Requests that go through another proxy: a second Wicketgate, and Squid, as people really have them."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from gateway.config.settings import HostMatch, ParentRule, ParentSettings, SecretSource
from gateway.policy.names import Host
from tests.e2e import origin as origins
from tests.e2e.commands import COMMAND, free_port
from tests.e2e.gateways import Running, Scenery, serving
from tests.e2e.squid import USER, Squid, program, squid
from tests.e2e.trail import check_exchanges

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.origin import Origin

pytestmark = pytest.mark.e2e

LOCAL = Host.parse("127.0.0.1")
POLICY = """
rules:
  - {id: no-path, action: deny, reason: closed, when: {path: {prefix: [/refused]}}, not: {protocol: [tcp]}}
  - {id: raw, action: allow, reason: raw, when: {protocol: [tcp], host: {is: [other.example]}}}
tls:
  inspect: all
  splice:
    - {id: unread, reason: tests, when: {host: {is: [x.many.example]}}}
"""
SPLICING = "tls: {inspect: none}\n"
EVERYTHING = (ParentRule(via="office"),)
CLIENTS_OWN = ("--proxy-user", "client:password")


def curl(gateway: Running, url: str, *options: str) -> tuple[int, str]:
    """The status that curl was answered, and the body."""
    command = ["curl", "-s", "-m", "15", "-x", f"http://127.0.0.1:{gateway.forward}", "-w", "\n%{http_code}"]
    done = subprocess.run([*command, *CLIENTS_OWN, *options, url], capture_output=True, text=True, check=False)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def office(port: int, **keys: object) -> ParentSettings:
    settings: dict[str, object] = {"name": "office", "scheme": "http", "host": LOCAL, "port": port}
    return ParentSettings(**{**settings, **keys})  # type: ignore[arg-type]  # the keys are those of the dataclass


@dataclass(frozen=True)
class World:
    """A plain and a secret origin, and Squid."""

    folder: Path
    plain: Origin
    secret: Origin
    squid: Squid

    @contextmanager
    def gateway(self, folder: Path, *, over_tls: bool = False, secret: str = USER, **keys: object) -> Iterator[Running]:
        """A gateway behind which Squid stands."""
        (folder / "secret").write_text(secret, encoding="utf-8")
        credentials = SecretSource(folder / "secret")
        if over_tls:
            trust = self.folder / "authority.pem"
            parent = office(
                self.squid.over_tls,
                scheme="https",
                host=Host.parse("origin.example"),
                trust=trust,
                credentials=credentials,
                **keys,
            )
        else:
            parent = office(self.squid.plain, credentials=credentials, **keys)
        yield from self._serving(folder, parent)

    def _serving(self, folder: Path, parent: ParentSettings) -> Iterator[Running]:
        scenery = Scenery(
            folder=folder,
            origin=self.secret.port,
            trust=self.folder / "authority.pem",
            policy=POLICY,
            parents=(parent,),
            parent=EVERYTHING,
        )
        with serving(scenery) as gateway:
            yield gateway
        assert scenery.failures == []
        check_exchanges(gateway.records())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if program() is None:
        pytest.skip("`squid` is not installed: tools/test-deps.sh installs it")
    folder = tmp_path_factory.mktemp("parents")
    identity = origins.identity_for(folder, "origin.example", "x.many.example")
    with (
        origins.origin() as plain,
        origins.origin(tls=identity.context) as secret,
        squid(folder / "server.pem") as parent,
    ):
        yield World(folder, plain, secret, parent)


@pytest.mark.parametrize("over_tls", [False, True])
def test_plain_inspected_and_spliced_go_through_squid(over_tls: bool, world: World, tmp_path: Path) -> None:  # noqa: FBT001 - one of both kinds of parent
    authority, theirs = str(tmp_path / "state" / "ca" / "ca.pem"), str(world.folder / "authority.pem")
    with world.gateway(tmp_path, over_tls=over_tls) as gateway:
        name = f"{world.folder.name}-{over_tls}"
        asked = {
            f"http://origin.example:{world.plain.port}/{name}": "",
            f"https://origin.example:{world.secret.port}/{name}": authority,
            f"https://x.many.example:{world.secret.port}/{name}": theirs,
        }
        for url, trust in asked.items():
            assert curl(gateway, url, *(("--cacert", trust) if trust else ())) == (200, "hello")
            assert curl(gateway, url, *(("--cacert", trust) if trust else ())) == (200, "hello")
        assert curl(gateway, f"http://origin.example:{world.plain.port}/refused")[0] == 403

    log = world.squid.asked()
    assert f"GET http://origin.example:{world.plain.port}/{name}" in log
    assert f"CONNECT origin.example:{world.secret.port}" in log
    assert f"CONNECT x.many.example:{world.secret.port}" in log
    decisions = [each for each in gateway.records() if each["event"] == "decision" and each["destination"]]
    through = [each["destination"]["parent"] for each in decisions]
    assert through == ["office"] * 6
    for received in (world.plain.received, world.secret.received):
        assert received.count(f"GET /{name} HTTP/1.1".encode()) >= 2
        assert b"proxy-authorization" not in received.lower()
        assert b"/refused" not in received


def test_the_credentials_of_clients_stay_here_and_those_of_the_gateway_are_in_no_record(
    world: World, tmp_path: Path
) -> None:
    with world.gateway(tmp_path, secret="wicketgate:another") as gateway:
        plain = curl(gateway, f"http://origin.example:{world.plain.port}/", "-i")
        secret = curl(
            gateway,
            f"https://origin.example:{world.secret.port}/",
            "--cacert",
            str(tmp_path / "state" / "ca" / "ca.pem"),
        )

    for status, body in (plain, secret):
        assert status == 502
        assert '"reason": "parent-refused"' in body
        assert "squid" not in body.lower()
        assert "Proxy-Authenticate" not in body
    written = "".join(path.read_text("utf-8") for path in (tmp_path / "state" / "audit").glob("*.jsonl"))
    assert "another" not in written
    assert "client:password" not in written
    assert [record["reason"] for record in gateway.records() if record["event"] == "end"] == ["parent-refused"] * 2


def test_what_the_parent_refuses_is_refused_without_its_page(world: World, tmp_path: Path) -> None:
    with world.gateway(tmp_path, resolves="parent") as gateway:
        status, body = curl(gateway, f"https://closed.example:{world.secret.port}/", "-k")

    assert (status, '"reason": "parent-refused"' in body, "squid" in body.lower()) == (502, True, False)
    (end,) = [record for record in gateway.records() if record["event"] == "end"]
    assert end["decision"]["detail"] == "The parent proxy answered 403."


def test_tls_of_the_origin_is_verified_inside_of_the_tunnel(world: World, tmp_path: Path) -> None:
    with world.gateway(tmp_path) as gateway:
        status, body = curl(
            gateway,
            f"https://other.example:{world.secret.port}/",
            "--cacert",
            str(tmp_path / "state" / "ca" / "ca.pem"),
        )

    assert (status, '"reason": "upstream-wrong-name"' in body) == (502, True)


@pytest.mark.parametrize(
    ("resolves", "status", "host"),
    [
        ("gateway", 403, "10.0.0.1"),
        ("parent", 403, "10.0.0.1"),
        ("parent", 403, "localhost"),
        ("gateway", 502, "closed.example"),
    ],
)
def test_closed_places_are_closed_behind_a_parent_too(
    resolves: str, status: int, host: str, world: World, tmp_path: Path
) -> None:
    with world.gateway(tmp_path, resolves=resolves) as gateway:
        before = world.squid.asked()
        assert curl(gateway, f"http://{host}:{world.plain.port}/")[0] == status

    assert world.squid.asked() == before


def test_a_parent_that_is_not_there_is_told_from_an_origin_that_is_not(tmp_path: Path) -> None:
    with origins.origin() as origin:
        scenery = Scenery(folder=tmp_path, origin=origin.port, parents=(office(free_port()),), parent=EVERYTHING)
        with serving(scenery) as gateway:
            status, body = curl(gateway, f"http://origin.example:{origin.port}/")

    assert (status, '"reason": "parent-refused"' in body, origin.visits) == (502, True, [])


def test_a_second_gateway_is_a_parent_and_judges_for_itself(tmp_path: Path) -> None:
    for name in ("near", "far"):
        (tmp_path / name).mkdir()
    identity = origins.identity_for(tmp_path, "origin.example")
    with origins.origin(tls=identity.context) as secret, origins.origin() as plain:
        denying = (
            SPLICING + "rules: [{id: no-other, action: deny, reason: closed, when: {host: {is: [other.example]}}}]"
        )
        far = Scenery(folder=tmp_path / "far", origin=secret.port, policy=denying)
        with serving(far) as parent:
            near = Scenery(
                folder=tmp_path / "near",
                origin=secret.port,
                trust=identity.authority,
                parents=(office(parent.forward),),
                parent=(*EVERYTHING, ParentRule(via="direct", hosts=HostMatch("under", (Host.parse("many.example"),)))),
            )
            with serving(near) as gateway:
                ours = ("--cacert", str(tmp_path / "near" / "state" / "ca" / "ca.pem"))
                assert curl(gateway, f"https://origin.example:{secret.port}/in", *ours) == (200, "hello")
                assert curl(gateway, f"http://origin.example:{plain.port}/in") == (200, "hello")
                assert curl(gateway, f"http://x.many.example:{plain.port}/in") == (200, "hello")
                refused = curl(gateway, f"https://other.example:{secret.port}/in", *ours)

    assert '"reason": "parent-refused"' in refused[1]
    assert [each for each in parent.exchanges() if each[0] != "end"] == [
        ("allow", "allowed-by-default"),
        ("allow", "allowed-by-default"),
        ("deny", "rule-deny"),
    ]
    assert [visit.data.count(b"\r\nVia: 1.1 gateway-") for visit in plain.visits] == [2, 1]


def test_what_comes_in_by_socks_goes_through_a_parent_as_well(tmp_path: Path) -> None:
    for name in ("near", "far"):
        (tmp_path / name).mkdir()
    with origins.origin() as origin, serving(Scenery(folder=tmp_path / "far", origin=origin.port)) as parent:
        near = Scenery(
            folder=tmp_path / "near",
            origin=origin.port,
            entry="socks5",
            parents=(office(parent.forward, resolves="parent"),),
            parent=EVERYTHING,
        )
        with serving(near) as gateway:
            way = ["curl", "-s", "-m", "15", "--socks5-hostname", f"127.0.0.1:{gateway.forward}"]
            url = f"http://origin.example:{origin.port}/in"
            done = subprocess.run([*way, url], capture_output=True, text=True, check=False)

    assert done.stdout == "hello"
    (decision,) = [record for record in gateway.records() if record["event"] == "decision"]
    assert decision["destination"] == {"ip": "127.0.0.1", "answers": [], "parent": "office", "original": None}
    assert [each["request"]["host"] for each in parent.records() if each["event"] == "decision"] == ["origin.example"]


def test_a_gateway_that_would_be_its_own_parent_does_not_start(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "policy.yaml").write_text("version: 1\nname: p\ndefault: {action: allow}\n", encoding="utf-8")
    (tmp_path / "wicketgate.yaml").write_text(
        "version: 1\n"
        f'parents: {{me: {{url: "http://127.0.0.1:{port}"}}}}\n'
        f"listeners: [{{name: a, mode: forward, bind: 127.0.0.1:{port}, policy: policy.yaml, parent: [{{via: me}}]}}]",
        encoding="utf-8",
    )

    done = subprocess.run(
        [COMMAND, "run", "--config", str(tmp_path / "wicketgate.yaml")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode != 0
    assert f"parent `me`: 127.0.0.1:{port} is a listener of this gateway, a loop" in done.stderr
