"""The meaning of a policy, spelt out the slow way for requests of which everything is known.

It reads the words of the file, knows no index, no compilation and no third truth value, and shares no code with the
gate: where the two disagree, one of them is wrong.
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from gateway.policy.model import Mode
from tests.strategies import DECLARED_GROUPS, LISTED_NAMES, LISTED_NETWORKS, VERSIONS, Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

EMBEDDED = {"64:ff9b::a01:203": "10.1.2.3"}
CLASS_OF = {
    "10.1.2.3": "private",
    "10.9.9.9": "private",
    "192.168.7.7": "private",
    "127.0.0.1": "loopback",
    "64:ff9b::a01:203": "private reserved",
}

HTTPS = 443

type Said = tuple[str, str | None]
"""The verdict and the rule that is named."""


def judged(policy: Words, request: Words, mode: Mode) -> Said:
    """What the six sentences say of a request and its answer, limits aside."""
    if mode is Mode.FORWARD:
        if request["connect"] and request["port"] != HTTPS:
            return "deny", "builtin-connect-port"
        if _special(policy, request):
            return "deny", "builtin-special"
    walls = [rule["id"] for rule in _enforced(policy["guardrails"]) if selected(rule, request, wide=True)]
    denies = [rule for rule in _enforced(policy["rules"]) if rule["action"] == "deny"]
    denied = [
        rule["id"] for rule in denies if selected(rule, request, wide=True) and not _waived(policy, rule, request)
    ]
    for found in (walls, denied):
        if found:
            return "deny", min(found)
    allows = [rule for rule in _enforced(policy["rules"]) if rule["action"] == "allow"]
    allowed = [rule["id"] for rule in allows if selected(rule, request, wide=False)]
    if allowed:
        return "allow", min(allowed)
    return policy["default"]["action"], None


def selected(clause: Words, request: Words, *, wide: bool) -> bool:
    """Whether a clause is about a request; `wide` for denies, where one of several values is enough."""
    if "when" in clause and not _block(clause["when"], request, wide=wide):
        return False
    if "not" in clause and _block(clause["not"], request, wide=not wide):
        return False
    return "any" not in clause or any(_block(block, request, wide=wide) for block in clause["any"])


def _enforced(rules: Iterable[Words]) -> list[Words]:
    return [rule for rule in rules if rule["stage"] == "enforce"]


def _waived(policy: Words, rule: Words, request: Words) -> bool:
    return any(
        rule["id"] in exception["waives"]
        and exception["expires"] > "2026-11-23"
        and selected(exception, request, wide=False)
        for exception in policy["exceptions"]
    )


def _special(policy: Words, request: Words) -> bool:
    opened = [ip_network(network) for network in policy["unsafe_destinations"]]
    views = [view for address in _destinations(request) for view in _views(address)]
    return any(view in CLASS_OF and not any(ip_address(view) in network for network in opened) for view in views)


def _destinations(request: Words) -> list[str]:
    literal = [request["host"]] if request["host"][0].isdigit() else []
    return [*literal, *request["destination.ip"]]


def _views(address: str) -> list[str]:
    return [address, *([EMBEDDED[address]] if address in EMBEDDED else [])]


def _block(block: Words, request: Words, *, wide: bool) -> bool:
    return all(_condition(fact, asked, request, wide=wide) for fact, asked in block.items())


def _condition(fact: str, asked: Any, request: Words, *, wide: bool) -> bool:
    operator, values = next(iter(asked.items())) if isinstance(asked, dict) else ("in", asked)
    match fact:
        case "client.ip" | "destination.ip":
            return _addresses(fact, operator, values, request, wide=wide)
        case "host":
            return _host(operator, values, request["host"])
        case "path" | "header.x-a" | "query.q":
            return _texts(fact, operator, values, request, wide=wide)
        case "group":
            return any(_member(group, request, wide=wide) for group in values)
        case _:
            return request[fact] is not None and _plain(operator, values, request[fact])


def _addresses(fact: str, operator: str, values: list[str], request: Words, *, wide: bool) -> bool:
    addresses = [request[fact]] if fact == "client.ip" else _destinations(request)
    views = [view for address in addresses for view in _views(address)]
    inside = [any(_inside(view, value) for value in values) is (operator == "in") for view in views]
    return any(inside) if wide else all(inside)


def _inside(view: str, value: str) -> bool:
    if value.startswith("@"):
        return ip_address(view) in ip_network(LISTED_NETWORKS[value[1:]])
    if "/" in value:
        return ip_address(view) in ip_network(value)
    return value in CLASS_OF.get(view, "public").split()


def _host(operator: str, values: list[str], host: str) -> bool:
    def under(name: str) -> bool:
        return host == name or host.endswith("." + name)

    match operator:
        case "is":
            return host in values
        case "under":
            return any(under(name) for name in values)
        case "below":
            return any(under(name) and host != name for name in values)
        case _:
            entries = [LISTED_NAMES[value[1:]] for value in values]
            return any(host == name or (match == "under" and under(name)) for name, match in entries)


def _texts(fact: str, operator: str, values: Any, request: Words, *, wide: bool) -> bool:
    texts = [request[fact]] if fact == "path" else request[fact]
    if operator == "present":
        return bool(texts) is values
    tests: dict[str, Callable[[str], bool]] = {
        "is": lambda text: text in values,
        "contains": lambda text: any(value in text for value in values),
        "matches": lambda text: any(re.fullmatch(value, text) for value in values),
        "prefix": lambda text: any(text == value or text.startswith(value.rstrip("/") + "/") for value in values),
    }
    found = [tests[operator](text) for text in texts]
    return any(found) if wide else bool(found) and all(found)


def _member(group: str, request: Words, *, wide: bool) -> bool:
    declared = DECLARED_GROUPS[group]
    views = _views(request["client.ip"])
    inside = [any(_inside(view, network) for network in declared.get("clients", ())) for view in views]
    near = any(inside) if wide else all(inside)
    return group in request["group"] or request["user"] in declared["users"] or near


def _plain(operator: str, values: Any, value: Any) -> bool:
    if operator == "in":
        return value in values
    if isinstance(value, str):
        return VERSIONS.index(value) < VERSIONS.index(values)
    return bool(value > values if operator == "above" else value < values)
