from __future__ import annotations

import pytest

from gateway.config.settings import HostMatch, ParentRule
from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed
from gateway.policy.names import Host
from gateway.upstreams.parents import Parent, ParentTable, is_own, loops

LOOPBACK = Address.parse("127.0.0.1")
OWN = frozenset({(LOOPBACK, 8080), (Address.parse("192.0.2.1"), 8080)})


def parent(name: str, host: str = "proxy.example", port: int = 3128) -> Parent:
    return Parent(name=name, scheme="http", host=Host.parse(host), port=port, authorization=b"Basic aHVudGVyMg==")


PARENTS = {name: parent(name) for name in ("office", "other")}


def rule(via: str, operator: str | None = None, *hosts: str) -> ParentRule:
    named = tuple(Host.parse(host) for host in hosts)
    match operator:
        case "is" | "under":
            return ParentRule(via=via, hosts=HostMatch(operator, named))
        case _:
            return ParentRule(via=via)


RULES = (
    rule("office"),
    rule("direct", "under", "corp.example"),
    rule("other", "under", "far.corp.example"),
    rule("office", "is", "www.far.corp.example", "192.0.2.7"),
)


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("office", "site.example"),
        (None, "corp.example"),
        (None, "a.corp.example"),
        ("other", "far.corp.example"),
        ("other", "b.far.corp.example"),
        ("office", "www.far.corp.example"),
        ("other", "a.www.far.corp.example"),
        ("office", "notcorp.example"),
        ("office", "192.0.2.7"),
        ("office", "192.0.2.8"),
    ],
)
@pytest.mark.parametrize("order", [RULES, RULES[::-1]])
def test_the_most_specific_rule_says_the_parent_in_any_order(
    name: str | None, host: str, order: tuple[ParentRule, ...]
) -> None:
    found = ParentTable.of("egress", order, PARENTS).find(Host.parse(host))

    assert name == (None if found is None else found.name)


def test_without_rules_everything_is_dialled_directly() -> None:
    assert ParentTable().find(Host.parse("site.example")) is None


@pytest.mark.parametrize(
    ("claimed", "rules"),
    [
        ("all hosts", (rule("office"), rule("direct"))),
        ("`a.example`", (rule("office", "is", "a.example"), rule("other", "is", "b.example", "a.example"))),
        ("`a.example`", (rule("office", "under", "a.example"), rule("office", "under", "a.example"))),
    ],
)
def test_two_rules_that_claim_the_same_are_refused(claimed: str, rules: tuple[ParentRule, ...]) -> None:
    with pytest.raises(Malformed) as refusal:
        ParentTable.of("egress", rules, PARENTS)

    assert str(refusal.value) == f"listener `egress`: two rules of `parent` claim {claimed}, leave one of them out"


@pytest.mark.parametrize(
    ("loop", "host", "port"),
    [
        (True, "127.0.0.1", 8080),
        (True, "127.0.0.2", 8080),
        (True, "192.0.2.1", 8080),
        (True, "localhost", 8080),
        (True, "me.example", 8080),
        (True, "0.0.0.0", 8080),
        (False, "127.0.0.1", 8081),
        (False, "other.example", 8080),
        (False, "192.0.2.2", 8080),
    ],
)
def test_a_parent_that_is_the_gateway_itself_is_a_loop(loop: bool, host: str, port: int) -> None:  # noqa: FBT001 - the wanted value of a table's row
    found = loops([parent("office", host, port)], OWN, {"me.example": [LOOPBACK]})

    assert found == ([f"parent `office`: {host}:{port} is a listener of this gateway, a loop"] if loop else [])


def test_what_a_name_turns_out_to_be_is_asked_again_when_it_is_known() -> None:
    assert is_own(OWN, LOOPBACK, 8080)
    assert not is_own(OWN, LOOPBACK, 3128)


def test_a_parent_is_shown_without_its_secret() -> None:
    assert str(parent("office")) == "office (http://proxy.example:3128)"
    assert "aHVudGVyMg" not in repr(parent("office"))
