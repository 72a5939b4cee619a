from __future__ import annotations

import pytest

from gateway.lists.reading import DOMAIN_FORMATS, NETWORK_FORMATS
from gateway.policy.addresses import AddressClass, Network
from gateway.policy.language.clauses import GroupDocument, Guard, ListDocument, NameEntry
from gateway.policy.language.conditions import ListRef
from gateway.policy.language.list_clauses import FORMATS
from gateway.policy.names import Host
from tests.reading import objections, policy

CORP = Host.parse("corp.example")


@pytest.mark.parametrize(
    ("wanted", "yaml"),
    [
        (
            ListDocument(
                name="x", type="network", items=(Network.parse("10.0.0.0/8"), Network.parse("2001:db8:10::/48"))
            ),
            '{type: network, items: [10.0.0.0/8, "2001:db8:10::/48"]}',
        ),
        (
            ListDocument(name="x", type="domain", items=(Host.parse("a.example"),), match="under"),
            "{type: domain, match: under, items: [A.example.]}",
        ),
        (
            ListDocument(name="x", type="domain", items=(Host.parse("10.0.0.1"),), match="is"),
            "{type: domain, match: is, items: [10.0.0.1]}",
        ),
        (
            ListDocument(
                name="x",
                type="domain",
                format="hosts",
                file="lists/ads.hosts",
                match="is",
                max_age=7 * 86400.0,
                guard=Guard(
                    min_entries=1000, max_shrink=0.3, never_contains=(NameEntry("under", CORP), NameEntry("is", CORP))
                ),
            ),
            (
                "{type: domain, format: hosts, file: lists/ads.hosts, max_age: 7d, "
                "guard: {min_entries: 1000, max_shrink: 30%, never_contains: [under: corp.example, is: corp.example]}}"
            ),
        ),
        (
            ListDocument(name="x", type="domain", format="hosts", file="a", match="under"),
            "{type: domain, format: hosts, file: a, match: under}",
        ),
        (ListDocument(name="x", type="domain", format="adblock", file="a"), "{type: domain, format: adblock, file: a}"),
        (ListDocument(name="x", type="domain", format="rpz", file="a"), "{type: domain, format: rpz, file: a}"),
        (
            ListDocument(name="x", type="domain", format="plain", file="a", match="is"),
            "{type: domain, file: a, match: is}",
        ),
        (
            ListDocument(
                name="x",
                type="network",
                format="netset",
                file="a",
                guard=Guard(never_contains=(ListRef("office"), Network.parse("10.0.0.0/8"))),
            ),
            '{type: network, format: netset, file: a, guard: {never_contains: ["@office", 10.0.0.0/8]}}',
        ),
        (
            ListDocument(
                name="x",
                type="network",
                format="drop",
                file="lists/drop_v4.json",
                guard=Guard(never_contains=(AddressClass.PRIVATE, AddressClass.LINK_LOCAL, Network.parse("::1"))),
            ),
            (
                "{type: network, format: drop, file: lists/drop_v4.json, "
                'guard: {never_contains: [private, link-local, "::1"]}}'
            ),
        ),
        (ListDocument(name="x", type="network", format="plain", file="a"), "{type: network, file: a}"),
        (ListDocument(name="x", type="database", format="mmdb", file="geo.mmdb"), "{type: database, file: geo.mmdb}"),
    ],
)
def test_a_list_is_read_as_it_is_written(wanted: ListDocument, yaml: str) -> None:
    lists = policy(f"lists:\n  office: {{type: network, items: [10.0.0.0/8]}}\n  x: {yaml}\n").lists

    assert lists["x"] == wanted


BOTH_WAYS = (
    "lists.x: `match` is missing: write `match: is` if an entry stands for itself alone, "
    "`match: under` if also for all below it"
)


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        ([BOTH_WAYS], "{type: domain, items: [a.example]}"),
        ([BOTH_WAYS], "{type: domain, file: a}"),
        ([BOTH_WAYS], "{type: domain, file: a, format: plain}"),
        (
            ["lists.x.match: a file of format `adblock` says itself what its entries stand for"],
            "{type: domain, file: a, format: adblock, match: is}",
        ),
        (
            ["lists.x.match: `match` is for lists of type `domain`, leave it out"],
            "{type: network, file: a, match: is}",
        ),
        (
            ["lists.x: one of `file`, `items`, `url` is missing: the entries stand in a file or here, or are fetched"],
            "{type: network}",
        ),
        (
            ["lists.x: `file`, `items` cannot stand together: the entries stand in a file or here, or are fetched"],
            "{type: network, file: a, items: [10.0.0.0/8]}",
        ),
        (
            ["lists.x: `max_age` needs `file` beside it: it is about files"],
            "{type: network, items: [10.0.0.0/8], max_age: 7d}",
        ),
        (
            [
                (
                    "lists.x.format: `netset` is no format of a `domain` list, it is one of `plain`, "
                    "`hosts`, `adblock`, `rpz`"
                )
            ],
            "{type: domain, file: a, format: netset}",
        ),
        (
            ["lists.x.format: `host` is no format of a `domain` list, did you mean `hosts`?"],
            "{type: domain, file: a, format: host}",
        ),
        (
            ["lists.x.items[0]: `10.0.0.1/8` has host bits set, use `10.0.0.0/8`"],
            "{type: network, items: [10.0.0.1/8]}",
        ),
        (
            ["lists.x.items[0]: nothing lies below the address `10.0.0.1`, write `{is: [10.0.0.1]}`"],
            "{type: domain, match: under, items: [10.0.0.1]}",
        ),
        (
            ["lists.x.guard: `guard` is not for lists of type `database`, leave it out"],
            "{type: database, file: a, guard: {min_entries: 1}}",
        ),
        (
            ["lists.x.guard: `never_contains` of a `network` list holds networks, classes or `@lists`"],
            "{type: network, file: a, guard: {never_contains: [under: corp.example]}}",
        ),
        (
            ["lists.x.guard: `never_contains` of a `domain` list holds names, like `under: example.com`"],
            "{type: domain, format: hosts, file: a, guard: {never_contains: [10.0.0.0/8]}}",
        ),
        (
            [
                (
                    "lists.x.guard.never_contains[0]: `corp.example`: write `under: corp.example` for a "
                    "name and all below it, "
                    "or `is: corp.example`"
                )
            ],
            "{type: domain, format: hosts, file: a, guard: {never_contains: [corp.example]}}",
        ),
        (
            ["lists.x.guard.never_contains[0]: the list `@nope` is not declared, declare it under `lists`"],
            '{type: network, file: a, guard: {never_contains: ["@nope"]}}',
        ),
        (
            ["lists.x.guard: `never_contains` of a `domain` list holds names, like `under: example.com`"],
            "{type: domain, format: hosts, file: a, guard: {never_contains: [private]}}",
        ),
        (
            [
                (
                    "lists.x.guard.never_contains[0]: `private.example`: write `under: private.example` for a "
                    "name and all below it, or `is: private.example`"
                )
            ],
            "{type: domain, format: hosts, file: a, guard: {never_contains: [private.example]}}",
        ),
        (
            ["lists.x.guard.never_contains[0]: `privat` is no class of addresses, did you mean `private`?"],
            "{type: network, file: a, guard: {never_contains: [privat]}}",
        ),
        (
            [
                (
                    "lists.x.guard.never_contains[0]: `public` is what lists are made of, name what must stay out, "
                    "like `private`"
                )
            ],
            "{type: network, file: a, guard: {never_contains: [public]}}",
        ),
        (
            ["lists.x.guard.never_contains[0]: `10.0.0.1/8` has host bits set, use `10.0.0.0/8`"],
            "{type: network, file: a, guard: {never_contains: [10.0.0.1/8]}}",
        ),
        (
            [
                (
                    "lists.x.guard.never_contains[0]: a list cannot stand here, here belongs a network, "
                    "a class like `private`, a `@list`, or a name like `under: example.com`"
                )
            ],
            "{type: network, file: a, guard: {never_contains: [[a]]}}",
        ),
        (
            [
                (
                    "lists.x.guard: one of `min_entries`, `max_shrink`, `never_contains` is missing: "
                    "a guard without them guards nothing"
                )
            ],
            "{type: network, file: a, guard: {}}",
        ),
        (["lists.x.type: `domains` is unknown here, did you mean `domain`?"], "{type: domains, file: a}"),
        (["lists.x: `type` is missing, here belongs one of `domain`, `network`, `database`"], "{file: a}"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused_with_the_way_out(said: list[str], yaml: str) -> None:
    assert said == objections(f"lists: {{x: {yaml}}}")


def test_every_format_has_a_reader_and_every_reader_a_format() -> None:
    assert set(FORMATS["domain"]) == set(DOMAIN_FORMATS)
    assert set(FORMATS["network"]) == set(NETWORK_FORMATS)


def test_the_name_of_a_list_is_plain() -> None:
    assert objections("lists: {My Ads: {type: network, file: a}}") == [
        "lists.My Ads: `My Ads`: use small letters, digits and single hyphens, like `my-ads`"
    ]


def test_a_group_has_members_by_name_and_by_address() -> None:
    groups = policy("groups: {ci: {users: [alice, 1001], clients: [10.20.0.0/16, loopback]}}").groups

    clients = (Network.parse("10.20.0.0/16"), AddressClass.LOOPBACK)
    assert groups == {"ci": GroupDocument(name="ci", users=("alice", "1001"), clients=clients)}


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        ("groups.ci: one of `users`, `clients` is missing: a group without them has no members", "{}"),
        ("groups.ci.users: `alice` is no list, write it as a list, `[alice]`", "{users: alice}"),
        ("groups.ci.clients[0]: `alice` is not an IP address", "{clients: [alice]}"),
        ("groups.ci: unknown key `user`, did you mean `users`?", "{user: [alice], clients: [loopback]}"),
    ],
)
def test_a_group_that_makes_no_sense_is_refused_with_the_way_out(said: str, yaml: str) -> None:
    assert [said] == objections(f"groups: {{ci: {yaml}}}")
