from __future__ import annotations

import pytest

from gateway.policy.model import Mode
from tests.gates import problems_of

SPLICE = "tls: {splice: [{id: bank, reason: R, when: {host: {under: [bank.test]}}}]}\n"
INSPECT_NONE = "tls: {inspect: none}\n"
TCP = "  - {id: git, action: allow, reason: R, when: {protocol: [tcp], host: {is: [git.test]}}}\n"


def _policy(tls: str, deny: str, more: str = "") -> str:
    return f"default: {{action: allow}}\n{tls}rules:\n  - {{id: no, action: deny, reason: R, {deny}}}\n{more}"


WALLS = [
    "when: {method: [POST]}",
    "when: {path: {prefix: [/x]}}",
    "when: {header.x: {present: true}}",
    "when: {query.x: {present: true}}",
    "when: {request.size: {above: 10MB}}",
    "when: {response.status: [404]}",
    "when: {response.type: [text/html]}",
    "not: {method: [GET]}",
    "any: [{method: [POST]}, {port: [22]}]",
    "when: {method: [POST], host: {under: [www.bank.test]}}",
    "when: {method: [POST], host: {under: [test]}}",
    "when: {method: [POST], scheme: [https]}",
    "when: {method: [POST], protocol: [tcp, h2]}",
    "when: {method: [POST], user: [alice]}",
    "when: {method: [POST], time: {days: mon-fri, zone: UTC}}",
    "when: {method: [POST]}, not: {time: {days: sat-sun, zone: UTC}, tls.inspected: [false]}",
    "when: {method: [POST]}, not: {group: [g]}",
]


@pytest.mark.parametrize("deny", WALLS)
def test_a_deny_that_would_close_tunnels_for_want_of_a_fact_is_refused_at_load(deny: str) -> None:
    groups = "groups: {g: {users: [alice]}}\n"
    (found,) = problems_of(_policy(SPLICE + groups, deny))

    assert "of a tunnel is never known, and `bank` passes tunnels on unread: all of those would be denied" in found
    assert "add `protocol: [http/1.1, h2, h3, websocket]` to its `when`, or `not: {tls.inspected: [false]}`" in found


@pytest.mark.parametrize(
    "deny",
    [
        "when: {method: [POST]}, not: {tls.inspected: [false]}",
        "when: {method: [POST], protocol: [http/1.1, h2]}",
        "when: {method: [POST], scheme: [http]}",
        "when: {method: [POST], tls.inspected: [true]}",
        "when: {method: [POST], host: {under: [other.test]}}",
        "when: {method: [POST], host: {is: [xbank.test]}}",
        "any: [{method: [POST], protocol: [h2]}, {path: {is: [/x]}, host: {is: [other.test]}}], not: {protocol: [tcp]}",
        "when: {host: {under: [bank.test]}, port: [22]}",
        "when: {client.ip: {in: [private]}, user: [eve]}",
        "when: {method: [POST]}, stage: shadow",
        "when: {method: [POST]}, stage: off",
    ],
)
def test_a_deny_that_cannot_concern_a_passed_tunnel_is_no_wall(deny: str) -> None:
    assert problems_of(_policy(SPLICE, deny)) == []


def test_where_every_tunnel_is_opened_there_are_no_walls() -> None:
    for deny in WALLS[:-1]:
        assert problems_of(_policy("tls: {inspect: all}\n", deny)) == []
        assert problems_of(_policy(SPLICE, deny), mode=Mode.REVERSE) == []


def test_where_nothing_is_inspected_no_host_is_safe_from_a_wall() -> None:
    deny = "when: {method: [POST], host: {is: [other.test]}}"
    (found,) = problems_of(_policy(INSPECT_NONE, deny))

    assert "and `tls.inspect` is not `all`: all of those would be denied" in found
    assert problems_of(_policy(INSPECT_NONE, deny + ", not: {tls.inspected: [false]}")) == []


def test_a_guardrail_can_be_a_wall_too() -> None:
    text = f"default: {{action: allow}}\n{SPLICE}guardrails: [{{id: no, reason: R, when: {{method: [TRACE]}}}}]"
    (found,) = problems_of(text)

    assert found.startswith("p.yaml:4:41  guardrails[0]: `method` of a tunnel is never known")


@pytest.mark.parametrize(
    ("walls", "deny"),
    [
        (1, "when: {method: [POST]}"),
        (1, "when: {method: [POST], host: {under: [git.test]}}"),
        (1, "when: {method: [POST]}, not: {tls.inspected: [false]}"),
        (0, "when: {method: [POST], host: {under: [www.test]}}"),
        (0, "when: {method: [POST]}, not: {protocol: [tcp]}"),
        (0, "when: {method: [POST], tls.inspected: [true]}"),
    ],
)
def test_plain_tunnels_that_a_rule_allows_can_run_into_a_wall_too(walls: int, deny: str) -> None:
    found = problems_of(_policy("", deny, TCP))

    assert len(found) == walls
    assert all("and `git` allows `protocol: [tcp]`" in line for line in found)
