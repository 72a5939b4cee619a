"""Clients that know of no proxy, redirected by nftables in a namespace of their own: judged like those that do."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.trail import check_exchanges
from tests.house.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

DOCUMENT = ROOT / "docs" / "how-to" / "choose-an-entry.md"

type World = dict[str, Any]


def missing() -> str | None:
    for program in ("unshare", "nft", "ip", "curl"):
        if shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/bin") is None:
            return f"`{program}` is not installed: tools/test-deps.sh installs it"
    tried = subprocess.run(["unshare", "-rn", "true"], capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"no network namespaces here: {tried.stderr.strip()}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    if why := missing():
        pytest.skip(why)
    folder: Path = tmp_path_factory.mktemp("redirected")
    command = ["unshare", "-rn", sys.executable, "-m", "tests.e2e.redirected", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found: World = json.loads(done.stdout)
    if "skip" in found:
        pytest.skip(found["skip"])
    return found


def verdicts(world: World, host: str | None) -> list[tuple[str, str, str | None]]:
    return [
        (each["decision"]["verdict"], each["decision"]["reason"], each["decision"]["rule"])
        for each in world["records"]
        if each["event"] == "decision" and each["request"]["host"] == host
    ]


def details(world: World, listener: str) -> list[str]:
    return [
        each["decision"]["detail"]
        for each in world["records"]
        if each["event"] == "decision" and each["listener"] == listener and each["decision"]["detail"]
    ]


@pytest.mark.parametrize("asked", ["http", "https", "port 8000"])
def test_what_is_allowed_arrives_under_the_name_and_at_the_address_that_was_judged(asked: str, world: World) -> None:
    assert world["asked"][asked] == {"exit": 0, "status": 200, "body": "hello"}
    assert {
        (each["destination"]["ip"], each["destination"]["original"])
        for each in world["records"]
        if each["event"] == "decision"
        and each["request"]["host"] == "shop.example"
        and each["decision"]["verdict"] == "allow"
    } == {("10.9.0.2", f"10.9.0.1:{port}") for port in (80, 443, 8000)}


@pytest.mark.parametrize("asked", ["http refused", "https refused", "http denied", "http guarded"])
def test_what_a_rule_denies_is_refused_with_a_page(asked: str, world: World) -> None:
    assert world["asked"][asked]["status"] == 403


@pytest.mark.parametrize(
    ("asked", "host", "verdict"),
    [
        ("https denied", "denied.example", ("deny", "rule-deny", "no-denied")),
        ("https guarded", "guarded.example", ("deny", "guardrail", "no-private-name")),
        ("no name, denied", "10.9.0.3", ("deny", "rule-deny", "no-denied")),
    ],
)
def test_tls_to_what_is_denied_ends_before_any_handshake(
    asked: str, host: str, verdict: tuple[str, str, str], world: World
) -> None:
    assert (world["asked"][asked]["status"], world["asked"][asked]["body"]) == (0, "")
    assert verdict in verdicts(world, host)


def test_nothing_of_what_was_refused_reached_an_origin(world: World) -> None:
    inspected = "".join(text for name, text in world["received"].items() if name in {"plain", "plain6", "secret6"})

    assert "/refused" not in inspected
    assert "denied.example" not in inspected
    assert "guarded.example" not in inspected
    assert inspected.count("GET ") == inspected.count("GET /open ") == 3


def test_spliced_tls_passes_unread_by_its_name_and_by_its_address(world: World) -> None:
    assert world["asked"]["spliced"]["body"] == world["asked"]["no name, spliced"]["body"] == "hello"
    assert "GET /refused HTTP/1.1\r\nHost: spliced.example" in world["received"]["secret"]
    assert "GET /inside" in world["received"]["unread"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("no host field", "400"),
        ("two host fields", "400"),
        ("another port", "421"),
        ("absolute", "400"),
        ("connect", "400"),
        ("localhost", "403"),
        ("loopback", "403"),
    ],
)
def test_a_request_that_names_no_one_place_or_a_closed_one_is_refused(asked: str, status: str, world: World) -> None:
    assert world["asked"][asked].startswith(f"HTTP/1.1 {status} ")


def test_other_protocols_need_a_rule_that_allows_them(world: World) -> None:
    assert (world["asked"]["raw"], world["received"]["raw"]) == ("echo helo\r\n", "helo\r\n")
    assert world["asked"]["raw refused"] == ""
    assert verdicts(world, "10.9.0.4").count(("allow", "allowed-by-rule", "raw")) == 1
    assert ("deny", "protocol-refused", None) in verdicts(world, "10.9.0.1")


def test_a_connection_to_the_listener_itself_is_closed_and_recorded(world: World) -> None:
    assert world["asked"]["straight"] == world["asked"]["straight, own address"] == ""
    assert details(world, "four").count("Nothing redirected this connection here") == 2


def test_a_rule_that_redirects_the_gateway_to_itself_makes_no_loop(world: World) -> None:
    assert world["asked"]["loop"]["status"] == 502
    assert details(world, "four").count("The connection comes from this gateway itself") == 1


def test_every_exchange_has_one_decision_and_one_end(world: World) -> None:
    check_exchanges(world["records"])


def test_ipv6_is_the_same(world: World) -> None:
    if not world["six"]:
        pytest.skip("the kernel has no IPv6")

    assert [world["six"][asked]["status"] for asked in ("http", "https", "denied")] == [200, 200, 0]
    assert world["six"]["straight"] == ""
    assert verdicts(world, "six.example") == [("allow", "allowed-by-default", None)] * 2
    assert details(world, "six") == ["Nothing redirected this connection here"]


@pytest.mark.parametrize("rules", re.findall(r"```nft\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL))
def test_the_rules_of_the_document_are_accepted_by_the_kernel(rules: str) -> None:
    if why := missing():
        pytest.skip(why)
    command = ["unshare", "-rn", "nft", "-f", "-"]
    done = subprocess.run(command, input=rules, capture_output=True, text=True, check=False, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")
    assert "redirect to :8082" in rules
