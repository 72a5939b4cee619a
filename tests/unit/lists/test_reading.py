from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from gateway.lists.reading import DOMAIN_FORMATS, NETWORK_FORMATS, Reading, read_items, read_source
from gateway.lists.source import Source, digest_of
from gateway.policy.addresses import Address, Network
from gateway.policy.language.clauses import ListDocument
from gateway.policy.lists import ListContent
from gateway.policy.names import Host
from tests.list_files import ADS, DROP, KEY, NEVER_CORP, NOW, OFFICE, database

HOSTS = ("ads.example", "www.ads.example")


def reading(document: ListDocument, content: bytes) -> Reading:
    """What the document makes of a file with this content."""
    return read_source(document, Source(content, NOW, digest_of(content), "lists/x"), KEY)


def found(document: ListDocument, content: bytes) -> list[bool]:
    """Whether `HOSTS` are on the list."""
    domains = reading(document, content).content.domains
    assert domains is not None
    return [domains.find(Host.parse(host)) is not None for host in HOSTS]


@pytest.mark.parametrize(
    ("wanted", "form", "match", "content"),
    [
        ([True, False], "plain", "is", b"ads.example\n"),
        ([True, False], "plain", None, b"ads.example\n"),
        ([True, True], "plain", "under", b"ads.example\n"),
        ([True, True], None, "under", b"ads.example\n"),
        ([True, False], "hosts", "is", b"0.0.0.0 ads.example\n"),
        ([True, True], "hosts", "under", b"0.0.0.0 ads.example\n"),
        ([True, True], "adblock", None, b"||ads.example^\n"),
        ([True, False], "rpz", None, b"ads.example CNAME .\n"),
        ([False, True], "rpz", None, b"*.ads.example CNAME .\n"),
    ],
)
def test_an_entry_reaches_as_far_as_the_format_or_the_policy_says(
    wanted: list[bool], form: str | None, match: Literal["is", "under"] | None, content: bytes
) -> None:
    document = replace(ADS, format=form, match=match)

    assert found(document, content) == wanted


DROP_JSON = b'{"cidr":"192.0.2.0/24","sblid":"SBL1"}\n{"type":"metadata","records":1}\n'


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("plain", b"192.0.2.0/24\n"),
        ("netset", b"# comment\n192.0.2.0/24 ; SBL1\n"),
        ("drop", b"; DROP\n192.0.2.0/24 ; SBL1\n"),
        ("drop", DROP_JSON),
        (None, b"192.0.2.0/24\n"),
    ],
)
def test_a_network_is_read_alike_in_every_format(form: str | None, content: bytes) -> None:
    networks = reading(replace(DROP, format=form), content).content.networks

    assert networks is not None
    assert str(networks.find(Address.parse("192.0.2.77"))) == "192.0.2.0/24"
    assert networks.find(Address.parse("192.0.3.1")) is None


def test_every_format_is_tried_here() -> None:
    assert set(DOMAIN_FORMATS) == {"plain", "hosts", "adblock", "rpz"}
    assert set(NETWORK_FORMATS) == {"plain", "netset", "drop"}


def test_a_file_of_another_format_is_no_list() -> None:
    assert reading(DROP, DROP_JSON).oddities.wrong == 2
    assert reading(ADS, b"||ads.example^\n").oddities.wrong == 1


def test_the_content_says_where_it_comes_from() -> None:
    content = reading(ADS, b"ads.example\n").content

    assert content == ListContent(
        name="ads",
        type="domain",
        entries=1,
        digest=digest_of(b"ads.example\n"),
        modified=NOW,
        domains=content.domains,
        networks=None,
        file="lists/x",
    )
    assert content.domains is not None


def test_entries_near_a_guarded_name_are_seen_and_no_others() -> None:
    content = b"mail.corp.example\nads.example\n"

    assert reading(ADS, content).seen == frozenset()
    assert reading(replace(ADS, guard=NEVER_CORP), content).seen == {"mail.corp.example"}


def test_items_of_the_policy_have_the_same_digest_in_any_order() -> None:
    one, other = (Host.parse("a.example"), Host.parse("b.example"))
    names = ListDocument(name="names", type="domain", match="is", items=(one, other))
    turned = replace(names, items=(other, one))

    first, second, less = (read_items(each, KEY) for each in (names, turned, replace(names, items=(one,))))

    assert first.digest == second.digest != less.digest
    assert (first.entries, less.entries) == (2, 1)
    assert (first.modified, first.file) == (None, None)


def test_items_reach_as_far_as_the_policy_says() -> None:
    items = (Host.parse("ads.example"),)
    exact = read_items(ListDocument(name="n", type="domain", match="is", items=items), KEY).domains
    under = read_items(ListDocument(name="n", type="domain", match="under", items=items), KEY).domains

    assert exact is not None
    assert under is not None
    assert [each.find(Host.parse("www.ads.example")) for each in (exact, under)] == [None, "ads.example"]


def test_networks_of_the_policy_count_once() -> None:
    twice = replace(OFFICE, items=(Network.parse("10.0.0.0/8"), Network.parse("10.0.0.0/8")))

    content = read_items(twice, KEY)

    assert (content.entries, content.type) == (1, "network")


GEO = ListDocument(name="geo", type="database", format="mmdb", file="geo.mmdb")


@pytest.mark.parametrize(
    ("entries", "problems", "content"),
    [
        (3, [], database(nodes=3)),
        (0, ["is no MaxMind database, or it is cut off"], b"ads.example\n"),
        (0, ["is no MaxMind database, or it is cut off"], b""),
    ],
)
def test_a_database_is_only_asked_whether_it_is_one(entries: int, problems: list[str], content: bytes) -> None:
    read = reading(GEO, content)

    assert (read.content.entries, read.content.domains, read.content.networks) == (entries, None, None)
    assert list(read.oddities.problems(entries, tolerant=False)) == problems
