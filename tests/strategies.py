"""Policies and requests out of a small world, so that rules and requests meet often.

Policies are drawn as the groups and lists of a YAML file and read by the real reader. Requests are drawn as texts by
the names of their facts (None: known not to exist); what is forgotten of one becomes unknown.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from gateway.policy.addresses import Address, Network
from gateway.policy.compile import compile_policy
from gateway.policy.domains import DomainGathering, Reach
from gateway.policy.gate import Gate
from gateway.policy.headers import Fields
from gateway.policy.language.document import read_policy
from gateway.policy.limits import LimitTable
from gateway.policy.lists import ListContent
from gateway.policy.model import ABSENT, UNKNOWN, Facts, Mode
from gateway.policy.names import Host
from gateway.policy.networks import AddressSet
from gateway.policy.paths import FORWARD_RULES, Target
from tests.gates import NOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hypothesis.strategies import SearchStrategy

type Words = dict[str, Any]

HOSTS = ("a.test", "x.a.test", "y.x.a.test", "ba.test", "b.test", "93.184.216.34")
CLIENTS = ("10.1.2.3", "10.9.9.9", "192.168.7.7", "93.184.216.34", "64:ff9b::a01:203")
DESTINATIONS = ("93.184.216.34", "93.184.216.99", "10.1.2.3", "2606:4700::1", "64:ff9b::a01:203", "127.0.0.1")
NETWORKS = ("10.0.0.0/8", "10.1.0.0/16", "93.184.216.0/24", "2606:4700::/32", "64:ff9b::/96")
CLASSES = ("private", "loopback", "public", "reserved")
PATHS = ("/", "/a", "/a/b", "/a/b/c", "/ab", "/c")
METHODS = ("GET", "POST", "PUT")
USERS = ("alice", "bob", "eve")
GROUPS = ("staff", "build")
TEXTS = ("one", "two", "onetwo")
SIZES = (0, 10, 100, 1000)
STATUSES = (200, 404, 503)
TYPES = ("text/html", "application/zip")
VERSIONS = ("1.0", "1.1", "1.2", "1.3")
PORTS = (443, 80, 8443)
PROTOCOLS = ("http/1.1", "h2", "websocket")

LISTED_NAMES = {"names": ("a.test", "under"), "bees": ("b.test", "is")}
LISTED_NETWORKS = {"nets": "10.1.0.0/16"}
DECLARED_GROUPS = {"staff": {"users": ["alice"]}, "build": {"users": ["bob"], "clients": ["10.9.0.0/16"]}}

RESPONSE_ONLY = ("response.status", "response.size", "response.type")


def some[T](*values: T) -> SearchStrategy[list[T]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


def _host_conditions() -> SearchStrategy[Words]:
    names = some(*HOSTS[:-1])
    return st.one_of(
        st.fixed_dictionaries({"is": some(*HOSTS)}),
        st.fixed_dictionaries({"under": names}),
        st.fixed_dictionaries({"below": names}),
        st.fixed_dictionaries({"in": some("@names", "@bees")}),
    )


def _address_conditions() -> SearchStrategy[Words]:
    values = some(*NETWORKS, *CLASSES, "@nets")
    return st.one_of(st.fixed_dictionaries({"in": values}), st.fixed_dictionaries({"not_in": values}))


def _text_conditions() -> SearchStrategy[Words]:
    return st.one_of(
        st.fixed_dictionaries({"present": st.booleans()}),
        st.fixed_dictionaries({"is": some(*TEXTS)}),
        st.fixed_dictionaries({"contains": some(*TEXTS)}),
        st.fixed_dictionaries({"matches": some("one.*", ".*two")}),
    )


def _size_conditions() -> SearchStrategy[Words]:
    bound = st.sampled_from(SIZES)
    return st.one_of(st.fixed_dictionaries({"above": bound}), st.fixed_dictionaries({"below": bound}))


CONDITIONS: Mapping[str, SearchStrategy[Any]] = {
    "client.ip": _address_conditions(),
    "destination.ip": _address_conditions(),
    "host": _host_conditions(),
    "port": some(*PORTS),
    "method": some(*METHODS),
    "path": st.one_of(
        st.fixed_dictionaries({"is": some(*PATHS)}),
        st.fixed_dictionaries({"prefix": some(*PATHS)}),
        st.fixed_dictionaries({"matches": some("/a/.*", "/[ab]+")}),
    ),
    "header.x-a": _text_conditions(),
    "query.q": _text_conditions(),
    "request.size": _size_conditions(),
    "response.size": _size_conditions(),
    "response.status": st.one_of(some(*STATUSES), st.fixed_dictionaries({"above": st.sampled_from((399, 499))})),
    "response.type": some(*TYPES),
    "user": some(*USERS),
    "group": some(*GROUPS),
    "tls.version": st.one_of(some(*VERSIONS), st.fixed_dictionaries({"below": st.sampled_from(VERSIONS[1:])})),
    "tls.inspected": st.lists(st.booleans(), min_size=1, max_size=2, unique=True),
    "protocol": some(*PROTOCOLS),
}


@cache
def blocks(*, answer: bool) -> SearchStrategy[Words]:
    """A block of one to three conditions, with those on the answer or without."""
    facts = [fact for fact in CONDITIONS if answer or fact not in RESPONSE_ONLY]
    chosen = st.lists(st.sampled_from(facts), min_size=1, max_size=3, unique=True)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: CONDITIONS[name] for name in names}))


@cache
def selections(*, answer: bool) -> SearchStrategy[Words]:
    """`when`, `not` and `any`, at least one of them."""
    block = blocks(answer=answer)
    several = st.lists(block, min_size=1, max_size=2)
    return st.one_of(
        st.fixed_dictionaries({"when": block}),
        st.fixed_dictionaries({"when": block, "not": block}),
        st.fixed_dictionaries({"not": block}),
        st.fixed_dictionaries({"any": several}, optional={"when": block, "not": block}),
    )


def _clause(**fixed: SearchStrategy[Any]) -> SearchStrategy[Words]:
    return st.fixed_dictionaries(fixed)


def denies() -> SearchStrategy[Words]:
    return st.builds(
        lambda stage, selection: {"action": "deny", "stage": stage, **selection}, STAGES, selections(answer=True)
    )


def allows() -> SearchStrategy[Words]:
    return st.builds(
        lambda stage, selection: {"action": "allow", "stage": stage, **selection}, STAGES, selections(answer=False)
    )


def guardrails() -> SearchStrategy[Words]:
    return st.builds(lambda stage, selection: {"stage": stage, **selection}, STAGES, selections(answer=True))


STAGES = st.sampled_from(("enforce", "enforce", "enforce", "shadow", "off"))


@st.composite
def exceptions(draw: st.DrawFn, waivable: tuple[str, ...], name: str = "ex") -> Words:
    """An exception that waives some of `waivable`, in force or over."""
    return {
        "id": name,
        "waives": draw(some(*waivable)),
        "expires": draw(st.sampled_from(("2099-12-31", "2099-12-31", "2020-01-01"))),
        "owner": "owner",
        "reason": "R",
        **draw(selections(answer=False)),
    }


@st.composite
def policies(draw: st.DrawFn) -> Words:
    """A whole policy in the words of its file."""
    rules = [
        {"id": f"r{index}", "reason": "R", **rule}
        for index, rule in enumerate(draw(st.lists(st.one_of(denies(), allows()), max_size=5)))
    ]
    walls = [
        {"id": f"g{index}", "reason": "R", **rule}
        for index, rule in enumerate(draw(st.lists(guardrails(), max_size=2)))
    ]
    waivable = tuple(rule["id"] for rule in rules if rule["action"] == "deny")
    lifted = [draw(exceptions(waivable, f"e{index}")) for index in range(draw(st.integers(0, 2)))] if waivable else []
    return {
        "version": 1,
        "name": "drawn",
        "default": {"action": draw(st.sampled_from(("allow", "deny")))},
        "lists": _lists(),
        "groups": DECLARED_GROUPS,
        "guardrails": walls,
        "rules": rules,
        "exceptions": lifted,
        "limits": draw(
            st.sampled_from(([], [{"id": "limit", "key": ["client.ip", "user"], "rate": "9/s", "burst": 9}]))
        ),
        "unsafe_destinations": draw(st.lists(st.sampled_from(("10.0.0.0/8", "64:ff9b::/96")), max_size=2, unique=True)),
    }


def _lists() -> Words:
    names = {
        name: {"type": "domain", "items": [entry], "match": match} for name, (entry, match) in LISTED_NAMES.items()
    }
    return {**names, **{name: {"type": "network", "items": [entry]} for name, entry in LISTED_NETWORKS.items()}}


@cache
def contents() -> Mapping[str, ListContent]:
    """What the lists of a drawn policy hold."""
    held: dict[str, ListContent] = {}
    for name, (entry, match) in LISTED_NAMES.items():
        gathering = DomainGathering(b"sixteen bytes...")
        gathering.add(Reach(match), [entry.encode()])
        held[name] = ListContent(name=name, type="domain", entries=1, digest="sha256:d", domains=gathering.done())
    for name, network in LISTED_NETWORKS.items():
        networks = AddressSet.of([Network.parse(network)])
        held[name] = ListContent(name=name, type="network", entries=1, digest="sha256:n", networks=networks)
    return held


def gate(policy: Words, mode: Mode = Mode.FORWARD) -> Gate:
    """A gate with fresh limits for a drawn policy."""
    compiled = compile_policy(read_policy(json.dumps(policy), "drawn.yaml"), contents(), mode=mode)
    return Gate(compiled, LimitTable(compiled.limit_specs))


def requests() -> SearchStrategy[Words]:
    """A request of which everything is known, the answer too."""
    values = st.lists(st.sampled_from(TEXTS), max_size=2)
    return st.fixed_dictionaries(
        {
            "client.ip": st.sampled_from(CLIENTS),
            "destination.ip": st.lists(st.sampled_from(DESTINATIONS), min_size=1, max_size=2, unique=True),
            "host": st.sampled_from(HOSTS),
            "port": st.sampled_from((*PORTS, 443)),
            "method": st.sampled_from(METHODS),
            "path": st.sampled_from(PATHS),
            "header.x-a": values,
            "query.q": values,
            "request.size": st.sampled_from((*SIZES, 5, 50, 5000)),
            "response.size": st.sampled_from((*SIZES, 5, 50, 5000)),
            "response.status": st.sampled_from(STATUSES),
            "response.type": st.sampled_from((*TYPES, None)),
            "user": st.sampled_from((*USERS, None)),
            "group": st.lists(st.sampled_from((*GROUPS, "other")), max_size=2, unique=True),
            "tls.version": st.sampled_from((*VERSIONS, None)),
            "tls.inspected": st.sampled_from((True, False, None)),
            "protocol": st.sampled_from(PROTOCOLS),
            "connect": st.booleans(),
        }
    )


FACTS = {
    "client.ip": "client_ip",
    "destination.ip": "destination_ips",
    "host": "host",
    "port": "port",
    "method": "method",
    "path": "target",
    "header.x-a": "headers",
    "request.size": "request_size",
    "response.size": "response_size",
    "response.status": "response_status",
    "response.type": "response_type",
    "user": "user",
    "group": "groups",
    "tls.version": "tls_version",
    "tls.inspected": "tls_inspected",
    "protocol": "protocol",
    "connect": "connect",
}
ANSWER = frozenset({"response_size", "response_status", "response_type"})


def facts(request: Words) -> Facts:
    """The facts of a drawn request."""
    query = "&".join(f"q={value}" for value in request["query.q"])
    simple = ("port", "method", "protocol", "connect", "user")
    known: Words = {name: request[name] for name in simple}
    known |= {
        name.replace(".", "_"): request[name]
        for name in (
            "request.size",
            "response.size",
            "response.status",
            "response.type",
            "tls.version",
            "tls.inspected",
        )
    }
    known |= {
        "client_ip": Address.parse(request["client.ip"]),
        "destination_ips": tuple(map(Address.parse, request["destination.ip"])),
        "host": Host.parse(request["host"]),
        "target": Target.parse(request["path"] + (f"?{query}" if query else ""), FORWARD_RULES),
        "headers": Fields.of([("X-A", value) for value in request["header.x-a"]]),
        "groups": frozenset(request["group"]),
    }
    absent: Words = {"scheme": ABSENT, "tls_sni": ABSENT, "identity_method": ABSENT}
    return Facts(now=NOW, **absent, **{name: ABSENT if value is None else value for name, value in known.items()})


def forgotten(known: Facts, names: frozenset[str]) -> Facts:
    """`known` without the facts of these names, which become unknown."""
    lost: Words = dict.fromkeys(names, UNKNOWN)
    return replace(known, **lost)


def lapses() -> SearchStrategy[frozenset[str]]:
    """What may be forgotten of a request."""
    return st.frozensets(st.sampled_from(sorted(FACTS.values())), max_size=6)


def modes() -> SearchStrategy[Mode]:
    return st.sampled_from((Mode.FORWARD, Mode.REVERSE, Mode.REVERSE))
