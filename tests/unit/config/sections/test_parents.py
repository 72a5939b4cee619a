from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.settings import ParentRule, SecretSource
from gateway.policy.names import Host
from tests.unit.config.objections import FORWARD, objections, read

OFFICE = 'parents: {office: {url: "http://proxy.example:3128"}}\n'


def listening(parent: str) -> str:
    return "listeners: [" + FORWARD.replace("}", f", parent: {parent}}}") + "]"


def with_parent(keys: str) -> str:
    return f"parents: {{office: {{{keys}}}}}\nlisteners: [{FORWARD}]"


def test_a_parent_says_where_it_is_and_who_resolves() -> None:
    parent = read(OFFICE + f"listeners: [{FORWARD}]").parents["office"]

    assert (parent.name, parent.scheme, parent.host, parent.port) == (
        "office",
        "http",
        Host.parse("proxy.example"),
        3128,
    )
    assert (parent.resolves, parent.credentials, parent.trust) == ("gateway", None, None)


def test_files_are_found_from_where_the_configuration_lies() -> None:
    keys = 'url: "https://proxy.example", resolves: parent, credentials: {file: a.secret}, trust: ca.pem'
    parent = read(with_parent(keys)).parents["office"]

    assert (parent.scheme, parent.port, parent.resolves) == ("https", 443, "parent")
    assert parent.credentials == SecretSource(Path("base/a.secret"))
    assert parent.trust == Path("base/ca.pem")


def test_a_secret_may_be_a_variable() -> None:
    keys = 'url: "http://proxy.example:3128", credentials: {environment: OFFICE}'

    assert read(with_parent(keys)).parents["office"].credentials == SecretSource(environment="OFFICE")


def test_a_listener_says_which_hosts_go_through_which_parent() -> None:
    (listener,) = read(OFFICE + listening("[{host: {under: [corp.example]}, via: direct}, {via: office}]")).listeners

    assert [(rule.via, rule.hosts.operator) for rule in listener.parent] == [("direct", "under"), ("office", "any")]
    assert listener.parent[1] == ParentRule(via="office")


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        (
            "listeners[0].parent[0].via: there is no parent `ofice`, did you mean `office`?",
            OFFICE + listening("[{via: ofice}]"),
        ),
        (
            ("parents.office.url: user and password do not belong here, name a file or a variable under `credentials`"),
            with_parent('url: "http://user:hunter2@proxy.example/x"'),
        ),
        (
            "parents.office: `trust` is for a parent at `https://`, leave it out",
            with_parent('url: "http://proxy.example:3128", trust: ca.pem'),
        ),
        (
            "parents: `direct` says that there is no parent, choose another name",
            'parents: {direct: {url: "http://proxy.example:3128"}}\n' + f"listeners: [{FORWARD}]",
        ),
        (
            "listeners[0].parent: a reverse listener sends requests to its upstreams, leave `parent` out",
            OFFICE
            + 'upstreams: {app: {servers: [{url: "http://127.0.0.1:8000"}]}}\n'
            + "listeners: [{name: a, mode: reverse, bind: 127.0.0.1:1, policy: p, routes: [{upstream: app}], "
            + "parent: [{via: office}]}]",
        ),
    ],
)
def test_a_parent_that_makes_no_sense_is_refused_with_the_way_out(said: str, yaml: str) -> None:
    assert [said] == objections(yaml)


@pytest.mark.parametrize("keys", ["", "file: a, environment: B"])
def test_a_secret_has_one_place(keys: str) -> None:
    (said,) = objections(with_parent(f'url: "http://proxy.example:3128", credentials: {{{keys}}}'))

    assert said.startswith("parents.office.credentials: ")
    assert "`file`" in said
    assert "`environment`" in said
