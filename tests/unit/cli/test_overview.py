from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.cli.overview import examine, overview, overview_data
from gateway.cli.shipped import shipped_policy
from gateway.config.load import read_settings
from gateway.config.quick import Forward, Reverse, quick_settings
from gateway.policy.problems import Invalid
from tests.keyrings import Keyring

if TYPE_CHECKING:
    from pathlib import Path

TWO_LISTENERS = """
version: 1
listeners:
  - {name: egress, mode: forward, bind: 127.0.0.1:8080, policy: out.yaml}
  - name: shop
    mode: reverse
    bind: "[::1]:8081"
    policy: in.yaml
    routes: [{host: {is: [shop.example, www.shop.example]}, path: {prefix: [/api]}, upstream: app}]
upstreams: {app: {servers: [{url: "http://127.0.0.1:8000"}, {url: "https://app.example"}]}}
"""
OPEN = "{version: 1, name: open, default: {action: allow}}"
UNREADABLE = "{version: 1, name: open, defualt: {action: allow}}"


def test_the_shipped_policies_can_be_enforced_as_the_quick_start_would() -> None:
    settings = quick_settings(
        forward=Forward(policy=shipped_policy("corporate")),
        reverse=Reverse(policy=shipped_policy("api"), urls=("http://127.0.0.1:8000",)),
    )

    assert [(each.policy.name, each.notices) for each in examine(settings)] == [("corporate", ()), ("api", ())]


def test_the_overview_names_listeners_policies_and_routes(tmp_path: Path) -> None:
    (tmp_path / "out.yaml").write_text(OPEN, encoding="utf-8")
    (tmp_path / "in.yaml").write_text(
        "{version: 1, name: in, default: {action: deny}, "
        "rules: [{id: api, action: allow, reason: Open, when: {path: {prefix: [/api]}}}]}",
        encoding="utf-8",
    )

    lines = overview(read_settings(TWO_LISTENERS, "wicketgate.yaml", tmp_path)).splitlines()

    assert lines == [
        "egress: forward on 127.0.0.1:8080",
        f"  policy open ({tmp_path}/out.yaml): default allow",
        "shop: reverse on [::1]:8081",
        f"  policy in ({tmp_path}/in.yaml): 1 rule, default deny",
        "  host is shop.example, path below /api -> app (http://127.0.0.1:8000, https://app.example:443)",
        "  host is www.shop.example, path below /api -> app (http://127.0.0.1:8000, https://app.example:443)",
        "upstream app: http://127.0.0.1:8000, https://app.example:443",
    ]


COVERED = """
version: 1
listeners:
  - name: shop
    mode: reverse
    bind: 127.0.0.1:8081
    policy: in.yaml
    routes:
      - {upstream: app, host: {under: [shop.test]}, path: {is: [/a]}, method: [GET]}
      - {upstream: app, host: {under: [shop.test]}, path: {is: [/a]}, method: [GET], header: {X-Key: {present: true}}}
      - {upstream: app, host: {under: [shop.test]}, path: {is: [/a]}, method: [GET], header: {X-Key: {present: false}}}
      - {respond: {status: 404}}
upstreams: {app: {servers: [{url: "http://127.0.0.1:8000", weight: 2}]}}
"""
NEVER = "host under shop.test, path is /a, method GET"


def test_a_route_that_is_never_reached_is_told(tmp_path: Path) -> None:
    (tmp_path / "in.yaml").write_text(OPEN, encoding="utf-8")
    settings = read_settings(COVERED, "wicketgate.yaml", tmp_path)

    assert overview(settings).splitlines()[-2:] == [
        f"  notice: no request takes the route for {NEVER} (line 9), more specific ones leave nothing to it",
        "upstream app: http://127.0.0.1:8000 (weight 2)",
    ]
    assert overview_data(settings)["listeners"][0]["never_reached"] == [NEVER]


def test_the_overview_for_programs_says_the_same(tmp_path: Path) -> None:
    (tmp_path / "in.yaml").write_text(OPEN, encoding="utf-8")
    said = overview_data(read_settings(COVERED, "wicketgate.yaml", tmp_path))
    (listener,) = said["listeners"]

    assert said["upstreams"] == {"app": ["http://127.0.0.1:8000 (weight 2)"]}
    assert (listener["name"], listener["mode"], listener["bind"]) == ("shop", "reverse", "127.0.0.1:8081")
    assert listener["policy"] == {
        "name": "open",
        "file": f"{tmp_path}/in.yaml",
        "guardrails": 0,
        "rules": 0,
        "exceptions": 0,
        "limits": 0,
        "default": "allow",
    }
    assert [route["fields"] for route in listener["routes"]] == [["x-key absent"], ["x-key present"], [], []]
    assert listener["routes"][-1] == {
        "host": None,
        "under": False,
        "path": "/",
        "exact": False,
        "method": None,
        "fields": [],
        "answer": "respond 404",
        "rewriting": None,
        "strict_paths": "strict",
        "encoded_slash": "refuse",
    }


def test_the_overview_names_entries_and_parents(tmp_path: Path) -> None:
    (tmp_path / "out.yaml").write_text(OPEN, encoding="utf-8")
    text = """
version: 1
parents: {office: {url: "http://proxy.example:3128", credentials: {environment: OFFICE}}}
listeners:
  - name: socks
    mode: forward
    entry: socks5
    bind: 127.0.0.1:1080
    policy: out.yaml
    parent: [{host: {under: [corp.example]}, via: direct}, {via: office}]
"""

    lines = overview(read_settings(text, "wicketgate.yaml", tmp_path)).splitlines()

    assert lines == [
        "socks: forward (socks5) on 127.0.0.1:1080",
        f"  policy open ({tmp_path}/out.yaml): default allow",
        "  host under corp.example -> direct",
        "  any host -> office (http://proxy.example:3128, names resolved by the gateway)",
    ]


def test_the_problems_of_all_listeners_come_in_one_go(tmp_path: Path) -> None:
    (tmp_path / "out.yaml").write_text(UNREADABLE, encoding="utf-8")

    with pytest.raises(Invalid) as refused:
        overview(read_settings(TWO_LISTENERS, "wicketgate.yaml", tmp_path))

    said = str(refused.value).splitlines()
    assert f"{tmp_path}/in.yaml:1:1  the policy cannot be read: no such file or directory" in said
    assert any(line.startswith(f"{tmp_path}/out.yaml:1:") and "did you mean `default`?" in line for line in said)


def test_a_list_that_is_missing_is_a_problem_of_its_policy(tmp_path: Path) -> None:
    policy = tmp_path / "out.yaml"
    policy.write_text(
        "{version: 1, default: {action: allow}, lists: {ads: {type: domain, format: hosts, file: gone.hosts}}, "
        "rules: [{id: no-ads, action: deny, reason: Ads, when: {host: {in: ['@ads']}}}]}",
        encoding="utf-8",
    )

    with pytest.raises(Invalid, match=r"lists\.ads: .*gone\.hosts"):
        examine(quick_settings(forward=Forward(policy=policy)))


FRONT = """
version: 1
listeners:
  - name: shop
    mode: reverse
    bind: 127.0.0.1:8443
    policy: in.yaml
    proxy_protocol: {{from: [10.0.0.0/24]}}
    tls:
      certificates:
        - {{certificate: {pem}, key: shop.key}}
        - {{certificate: any.pem, key: any.key, default: true}}
    routes: [{{upstream: app}}]
upstreams: {{app: {{servers: [{{url: "http://127.0.0.1:8000"}}]}}}}
"""


def test_what_is_shown_at_the_front_door_is_told(tmp_path: Path) -> None:
    ring = Keyring.in_folder(tmp_path)
    ring.issue("shop", "shop.example", "*.shop.example")
    ring.issue("any", "any.example")
    (tmp_path / "in.yaml").write_text(OPEN, encoding="utf-8")
    settings = read_settings(FRONT.format(pem="shop.pem"), "wicketgate.yaml", tmp_path)

    shown = ["*.shop.example", "any.example", "shop.example", "any other host"]
    lines = overview(settings).splitlines()
    [listener] = overview_data(settings)["listeners"]

    assert f"  TLS for {', '.join(shown)}; client certificates off" in lines
    assert "  clients are named by balancers in 10.0.0.0/24" in lines
    assert (listener["tls"], listener["proxy_protocol"]) == (shown, ["10.0.0.0/24"])


def test_certificates_and_policies_that_cannot_be_used_are_told_in_one_go(tmp_path: Path) -> None:
    ring = Keyring.in_folder(tmp_path)
    ring.issue("shop", "shop.example")
    (tmp_path / "in.yaml").write_text(UNREADABLE, encoding="utf-8")

    with pytest.raises(Invalid) as caught:
        examine(read_settings(FRONT.format(pem="missing.pem"), "wicketgate.yaml", tmp_path))

    said = "\n".join(map(str, caught.value.problems))
    assert all(f"{file}:1:1  the file cannot be read" in said for file in ("missing.pem", "any.pem", "any.key"))
    assert "unknown key `defualt`" in said
