from __future__ import annotations

import json
import re
import subprocess

import pytest

from gateway.config.settings import PacSettings
from gateway.pages.pac import script
from gateway.policy.addresses import Network
from gateway.policy.names import Host
from tests.programs import program

PROXY = "PROXY proxy.corp.example:8080"
DIRECT = "DIRECT"
SETTINGS = PacSettings(
    hosts=(Host.parse("intranet.example"), Host.parse("__proto__.example")),
    under=(Host.parse("corp.example"), Host.parse("constructor")),
    networks=tuple(map(Network.parse, ("10.0.0.0/8", "192.0.2.128/25", "198.51.100.7/32", "2001:db8:1::/48"))),
)
WAYS = [
    (DIRECT, "intranet.example"),
    (DIRECT, "INTRANET.example"),
    (DIRECT, "intranet.example."),
    (PROXY, "www.intranet.example"),
    (PROXY, "xintranet.example"),
    (DIRECT, "corp.example"),
    (DIRECT, "a.b.corp.example"),
    (PROXY, "notcorp.example"),
    (PROXY, "corp.example.evil.example"),
    (DIRECT, "__proto__.example"),
    (DIRECT, "a.constructor"),
    (PROXY, "a.toString"),
    (PROXY, "has.own.hasOwnProperty"),
    (DIRECT, "printer"),
    (DIRECT, "localhost"),
    (DIRECT, "app.localhost"),
    (PROXY, "ai."),
    (PROXY, "2130706433"),
    (PROXY, "0x7f000001"),
    (PROXY, ""),
    (DIRECT, "127.0.0.1"),
    (DIRECT, "127.255.0.1"),
    (PROXY, "127.1"),
    (PROXY, "127.0.0.01"),
    (PROXY, "127.0.0.1.example"),
    (DIRECT, "10.1.2.3"),
    (DIRECT, "10.1.2.3."),
    (PROXY, "11.0.0.1"),
    (PROXY, "10.1.2.256"),
    (PROXY, "192.0.2.127"),
    (DIRECT, "192.0.2.128"),
    (DIRECT, "198.51.100.7"),
    (PROXY, "198.51.100.8"),
    (DIRECT, "::1"),
    (DIRECT, "[::1]"),
    (DIRECT, "0:0:0:0:0:0:0:1"),
    (PROXY, "::2"),
    (PROXY, "::"),
    (DIRECT, "2001:db8:1::5"),
    (DIRECT, "2001:DB8:0001:ffff::"),
    (PROXY, "2001:db8:2::5"),
    (PROXY, "2001:db8:1"),
    (PROXY, "2001:db8:1:::5"),
    (PROXY, "::ffff:10.0.0.1"),
    (PROXY, "1:2:3:4:5:6:7:8:9"),
    (PROXY, "wicketgate.internal"),
    (PROXY, "WicketGate.internal."),
    (PROXY, "example.com"),
    (PROXY, "xn--bcher-kva.example"),
    (PROXY, 'a"b.example'),
]
NO_HELP = "function dnsResolve(){throw 1} function isInNet(){throw 1} function isResolvable(){throw 1}"


def ways(text: str, hosts: list[str]) -> list[str]:
    """What the script says of every host, by an engine of JavaScript in which no name can be resolved."""
    asking = f"console.log(JSON.stringify({json.dumps(hosts)}.map(h => FindProxyForURL('http://' + h + '/', h))))"
    run = subprocess.run(
        [program("node"), "-"], input=f"{NO_HELP}\n{text}\n{asking}", check=True, capture_output=True, text=True
    )
    found: list[str] = json.loads(run.stdout)
    return found


def test_browsers_go_direct_where_they_are_told_and_everywhere_else_through_the_proxy() -> None:
    hosts = [host for _, host in WAYS]
    found = ways(script(SETTINGS, "proxy.corp.example:8080").decode(), hosts)

    assert list(zip(found, hosts, strict=True)) == WAYS


def test_its_own_name_goes_through_the_proxy_even_if_all_around_it_goes_direct() -> None:
    settings = PacSettings(under=(Host.parse("internal"),))

    assert ways(script(settings, "[::1]:8080").decode(), ["a.internal", "wicketgate.internal"]) == [
        DIRECT,
        "PROXY [::1]:8080",
    ]


def test_there_is_never_a_way_around_a_proxy_that_does_not_answer() -> None:
    text = script(SETTINGS, "proxy.corp.example:8080").decode()

    assert set(re.findall(r'[^"]*DIRECT[^"]*', text)) == {"DIRECT"}
    assert [value for value in re.findall(r'"(PROXY[^"]*)"', text) if ";" in value] == []


@pytest.mark.parametrize("evil", ['";alert(1);//', "</script><script>", "a\\", "\u2028", "'"])
def test_what_is_written_into_the_script_stays_a_text(evil: str) -> None:
    text = script(PacSettings(), evil).decode("ascii")

    assert ways(text, ["a.example"]) == [f"PROXY {evil}"]
    assert "<" not in text.partition("function")[0]
