from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.load import load_settings, read_settings
from gateway.config.settings import (
    AuditSettings,
    HostMatch,
    LimitSettings,
    ListenerSettings,
    ResolverSettings,
    RouteSettings,
    ServerSettings,
    Settings,
    UpstreamSettings,
)
from gateway.policy.addresses import Address, Network
from gateway.policy.model import Mode
from gateway.policy.names import Host
from gateway.policy.problems import Invalid

DATA = Path(__file__).parents[2] / "data" / "config"
SMALLEST = "version: 1\nlisteners: [{name: a, mode: forward, bind: 127.0.0.1:0, policy: p.yaml}]\n"


def test_a_file_says_where_to_listen_and_whom_to_protect() -> None:
    settings = load_settings(DATA / "wicketgate.yaml")

    assert settings == Settings(
        state=DATA / "state",
        contact="it@corp.example",
        listeners=(
            ListenerSettings(
                name="egress",
                mode=Mode.FORWARD,
                bind=(Address.parse("0.0.0.0"), 8080),
                policy=DATA / "policies" / "corporate.yaml",
            ),
            ListenerSettings(
                name="shop",
                mode=Mode.REVERSE,
                bind=(Address.parse("::1"), 8443),
                policy=Path("/etc/wicketgate/api.yaml"),
                trusted_proxies=(Network.parse("10.0.0.0/24"),),
                unsafe_skip_verify=True,
                routes=(
                    RouteSettings(
                        upstream="app",
                        hosts=HostMatch("is", (Host.parse("shop.example"),)),
                        prefixes=("/api",),
                        strict_paths="redirect",
                    ),
                    RouteSettings(upstream="app", hosts=HostMatch("under", (Host.parse("old.example"),))),
                    RouteSettings(upstream="app"),
                ),
            ),
        ),
        upstreams={
            "app": UpstreamSettings(
                name="app",
                servers=(
                    ServerSettings(scheme="http", host=Host.parse("127.0.0.1"), port=8000),
                    ServerSettings(scheme="https", host=Host.parse("app.example"), port=443, weight=2),
                ),
            )
        },
        limits=LimitSettings(
            head=16384,
            fields=50,
            target=4096,
            head_timeout=5.0,
            body=1048576,
            connections=100,
            connections_per_client=10,
        ),
        audit=AuditSettings(durability="batched", on_failure="closed"),
        resolver=ResolverSettings(
            hosts={"db.example": (Address.parse("10.0.0.1"), Address.parse("::1"))},
            timeout=2.0,
        ),
    )


def test_what_a_file_leaves_out_has_the_usual_value() -> None:
    settings = read_settings(SMALLEST, "w.yaml", Path("/etc/wicketgate"))

    assert settings.state == Path("/etc/wicketgate/.wicketgate")
    assert settings.limits == LimitSettings()
    assert settings.resolver == ResolverSettings()
    assert (settings.workers, settings.engine, settings.contact) == (1, "mitmproxy", None)
    assert settings.listeners[0].unsafe_skip_verify is False


def test_listeners_cannot_share_a_name_or_an_address() -> None:
    text = (
        "version: 1\n"
        "listeners:\n"
        "  - {name: a, mode: forward, bind: 127.0.0.1:1, policy: p}\n"
        "  - {name: a, mode: forward, bind: 127.0.0.1:1, policy: p}\n"
    )

    assert _told(text) == [
        "w.yaml:4:12  listeners[1].name: the name `a` is taken, it stands in line 3 already: choose another",
        (
            "w.yaml:4:36  listeners[1].bind: "
            "the address `127.0.0.1:1` is taken, it stands in line 3 already: choose another"
        ),
    ]


def test_two_listeners_may_both_leave_the_port_to_the_system() -> None:
    text = SMALLEST.replace("[", "[{name: b, mode: forward, bind: 127.0.0.1:0, policy: p}, ", 1)

    assert [listener.name for listener in read_settings(text, "w.yaml", Path()).listeners] == ["b", "a"]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("w.yaml:1:1  the file is empty", ""),
        ("w.yaml:1:1  a list cannot stand here, here belongs settings, like `{version: 1, listeners: [...]}`", "[]"),
        ("w.yaml:3:1  unknown key `listener`, did you mean `listeners`?", SMALLEST + "listener: []"),
        ("w.yaml:1:10  version: `2` is unknown here, known are `1`", SMALLEST.replace("1", "2", 1)),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_at_its_place(said: str, text: str) -> None:
    assert [said] == _told(text)


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as caught:
        load_settings(tmp_path / "none.yaml")

    assert str(caught.value) == f"{tmp_path}/none.yaml:1:1  the file cannot be read: no such file or directory"


def _told(text: str) -> list[str]:
    with pytest.raises(Invalid) as caught:
        read_settings(text, "w.yaml", Path())
    return str(caught.value).splitlines()
