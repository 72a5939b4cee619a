from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.lists.guards import counted, objections, shrinkage
from gateway.lists.reading import read_items, read_source
from gateway.lists.source import Source, digest_of
from gateway.policy.addresses import AddressClass, Network
from gateway.policy.language.clauses import Guard, NameEntry
from gateway.policy.language.conditions import ListRef
from gateway.policy.names import Host
from tests.list_files import ADS, DROP, KEY, NEVER_CORP, NEVER_OFFICE, OFFICE, PLACE, Folder, said

FORBIDDEN = "`never_contains` forbids it"


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("holds 0 entries, an empty list is not believed", ""),
        ("holds 0 entries, an empty list is not believed", "# 404 not found\n"),
        ("holds 0 entries, `min_entries` is 3", ""),
        ("holds 2 entries, `min_entries` is 3", "a.example\nb.example\nb.example\n"),
    ],
)
def test_a_list_with_too_few_entries_is_not_believed(why: str, text: str, folder: Folder) -> None:
    folder.write(ADS.file, text)
    guard = Guard(min_entries=3) if "min_entries" in why else None

    problems, _ = said(folder.load(replace(ADS, guard=guard)))

    assert [f"policies/corporate.yaml:14:40  lists.ads: file `lists/ads.txt` {why}"] == problems


@pytest.mark.parametrize(
    ("why", "line"),
    [
        ("`corp.example`", "corp.example"),
        ("`mail.corp.example`", "mail.corp.example"),
        ("`example`", "example"),
        ("`xn--bcher-kva.corp.example`", "bücher.corp.example"),
    ],
)
def test_a_list_of_names_that_takes_in_a_guarded_one_is_not_believed(why: str, line: str, folder: Folder) -> None:
    folder.write(ADS.file, f"ads.test\n{line}\n")

    problems, _ = said(folder.load(replace(ADS, guard=NEVER_CORP)))

    assert len(problems) == 1
    assert f"contains {why}, which meets `under: corp.example`: `never_contains` forbids it" in problems[0]


@pytest.mark.parametrize("line", ["badcorp.example", "corp.example.test", "corp.exampl", "other.example"])
def test_names_that_only_look_like_a_guarded_one_do_no_harm(line: str, folder: Folder) -> None:
    folder.write(ADS.file, f"{line}\n")

    assert said(folder.load(replace(ADS, guard=NEVER_CORP))) == ([], [])


@pytest.mark.parametrize(
    ("believed", "rules"),
    [
        (False, "||corp.example^"),
        (True, "||corp.example^\n@@||corp.example^"),
        (False, "||corp.example^\n@@||mail.corp.example^"),
        (True, "||example^\n@@||corp.example^"),
    ],
)
def test_an_exemption_keeps_a_guarded_name_off_the_list(*, believed: bool, rules: str, folder: Folder) -> None:
    document = replace(ADS, format="adblock", match=None, guard=NEVER_CORP)
    folder.write(ADS.file, f"{rules}\n||ads.test^\n")

    assert believed is (folder.load(document).problems == ())


def test_a_wildcard_above_a_guarded_name_is_found(folder: Folder) -> None:
    document = replace(ADS, format="rpz", match=None, guard=NEVER_CORP)
    folder.write(ADS.file, "*.corp.example CNAME .\n")

    problems, _ = said(folder.load(document))

    assert "contains `corp.example`, which meets `under: corp.example`" in problems[0]


def test_a_guard_on_one_name_lets_others_near_it_pass(folder: Folder) -> None:
    guard = Guard(never_contains=(NameEntry("is", Host.parse("corp.example")),))
    document = replace(ADS, match="is", guard=guard)

    folder.write(ADS.file, "mail.corp.example\nexample\n")
    assert said(folder.load(document)) == ([], [])
    folder.write(ADS.file, "corp.example\n")
    assert "meets `is: corp.example`" in str(folder.load_afresh(document).problems[0])


@pytest.mark.parametrize(
    ("meets", "line"),
    [
        ("`10.1.2.3/32`, which meets `10.0.0.0/8` of `@office`", "10.1.2.3"),
        ("`8.0.0.0/6`, which meets `10.0.0.0/8` of `@office`", "8.0.0.0/6"),
        ("`0.0.0.0/0`, which meets `10.0.0.0/8` of `@office`", "0.0.0.0/0"),
        (None, "11.0.0.0/8"),
        (None, "2001:db8::/32"),
    ],
)
def test_a_list_of_networks_that_meets_a_guarded_one_is_not_believed(
    meets: str | None, line: str, folder: Folder
) -> None:
    folder.write(DROP.file, f"192.0.2.0/24\n{line}\n")

    problems, _ = said(folder.load(replace(DROP, guard=NEVER_OFFICE), OFFICE))

    wanted = [] if meets is None else [f"{PLACE}  lists.drop: file `lists/drop.netset` contains {meets}: " + FORBIDDEN]
    assert wanted == problems


@pytest.mark.parametrize(
    ("meets", "forbidden"),
    [
        ("`127.0.0.0/8` of `loopback`", AddressClass.LOOPBACK),
        ("`127.0.0.53/32`", Network.parse("127.0.0.53")),
    ],
)
def test_a_guard_may_name_a_class_or_a_network(meets: str, forbidden: AddressClass | Network, folder: Folder) -> None:
    folder.write(DROP.file, "127.0.0.0/16\n")
    guard = Guard(never_contains=(forbidden,))

    problems, _ = said(folder.load(replace(DROP, guard=guard)))

    assert f"contains `127.0.0.0/16`, which meets {meets}" in problems[0]


def test_lists_that_guard_each_other_are_not_believed(folder: Folder) -> None:
    folder.write(DROP.file, "192.0.2.0/24\n")
    one = replace(DROP, name="one", guard=Guard(never_contains=(ListRef("two"),)))
    two = replace(DROP, name="two", guard=Guard(never_contains=(ListRef("one"),)))

    problems, _ = said(folder.load(one, two))

    assert any("lists.one: file `lists/drop.netset` cannot be checked against `@two`" in each for each in problems)


@pytest.mark.parametrize(("kept", "left"), [(False, 70), (True, 69), (True, 1), (False, 100), (False, 200)])
def test_a_list_that_lost_more_than_its_share_is_not_believed(*, kept: bool, left: int, folder: Folder) -> None:
    document = replace(DROP, guard=Guard(max_shrink=0.3))
    folder.write(DROP.file, "".join(f"192.0.{number}.0/24\n" for number in range(100)))
    folder.load(document)
    folder.write(DROP.file, "".join(f"10.0.{number}.0/24\n" for number in range(left)))

    loaded = folder.load(document)

    assert loaded.problems == ()
    assert (100 if kept else left) == loaded.contents["drop"].entries
    told = f"holds {left} entr" if left > 1 else "holds 1 entry"
    assert [kept] * kept == [told in str(notice) and "`max_shrink` 30%" in str(notice) for notice in loaded.notices]


def test_removing_the_copy_allows_a_loss_that_is_meant(folder: Folder) -> None:
    document = replace(DROP, guard=Guard(max_shrink=0.3))
    folder.write(DROP.file, "192.0.2.0/24\n198.51.100.0/24\n")
    folder.load(document)
    folder.write(DROP.file, "192.0.2.0/24\n")
    (notice,) = folder.load(document).notices

    copy = folder.kept / "drop.list"
    assert f"if it is meant, remove `{copy}`" in str(notice)
    copy.unlink()
    assert (folder.load(document).contents["drop"].entries, said(folder.load(document))) == (1, ([], []))


@pytest.mark.parametrize(
    ("said", "before", "after"),
    [
        (None, 0, 0),
        (None, 100, 100),
        (None, 100, 70),
        (None, 100, 5_000),
        ("holds 69 entries, the last good copy 100: more than `max_shrink` 30% is gone", 100, 69),
        ("holds 1 entry, the last good copy 1,000: more than `max_shrink` 30% is gone", 1_000, 1),
        ("holds 0 entries, the last good copy 1: more than `max_shrink` 30% is gone", 1, 0),
    ],
)
def test_the_share_that_may_be_gone_is_measured_against_the_copy(said: str | None, before: int, after: int) -> None:
    assert shrinkage(after, before, Guard(max_shrink=0.3)) == said


@pytest.mark.parametrize("guard", [None, Guard(), Guard(min_entries=1)])
def test_without_the_guard_a_list_may_lose_all_but_one(guard: Guard | None) -> None:
    assert shrinkage(1, 1_000_000, guard) is None


@pytest.mark.parametrize(("words", "entries"), [("0 entries", 0), ("1 entry", 1), ("76,036 entries", 76_036)])
def test_entries_are_counted_in_words(words: str, entries: int) -> None:
    assert counted(entries) == words


CLASSES = [
    ("`169.254.169.254/32`", AddressClass.METADATA, "169.254.169.254"),
    ("`127.0.0.0/8`", AddressClass.LOOPBACK, "127.0.0.1"),
    ("`::1/128`", AddressClass.LOOPBACK, "::1"),
    ("`fe80::/10`", AddressClass.LINK_LOCAL, "fe80::1"),
    ("`192.168.0.0/16`", AddressClass.PRIVATE, "192.0.0.0/8"),
    ("`fc00::/7`", AddressClass.PRIVATE, "fd00::/8"),
    ("`100.64.0.0/10`", AddressClass.CGNAT, "100.64.0.0/24"),
    ("`224.0.0.0/4`", AddressClass.MULTICAST, "239.255.255.250"),
    ("`192.0.2.0/24`", AddressClass.RESERVED, "192.0.2.128/25"),
    (None, AddressClass.PRIVATE, "172.32.0.0/16"),
    (None, AddressClass.LOOPBACK, "128.0.0.0/8"),
    (None, AddressClass.CGNAT, "100.128.0.0/9"),
]


@pytest.mark.parametrize(("meets", "forbidden", "line"), CLASSES)
def test_every_class_of_addresses_keeps_a_list_out(meets: str | None, forbidden: AddressClass, line: str) -> None:
    content = f"{line}\n".encode()
    reading = read_source(DROP, Source(content, 0.0, digest_of(content), "drop.netset"), KEY)

    told = list(objections(reading, Guard(never_contains=(forbidden,)), {}))

    wanted = [] if meets is None else [f"which meets {meets} of `{forbidden}`: {FORBIDDEN}"]
    assert [each.partition(", ")[2] for each in told] == wanted


def test_every_objection_is_told_and_not_only_the_first() -> None:
    content = b"10.0.0.0/8\n127.0.0.0/8\n"
    reading = read_source(DROP, Source(content, 0.0, digest_of(content), "drop.netset"), KEY)
    guard = Guard(min_entries=3, never_contains=(ListRef("office"), AddressClass.LOOPBACK, ListRef("gone")))

    assert list(objections(reading, guard, {"office": read_items(OFFICE, KEY)})) == [
        "holds 2 entries, `min_entries` is 3",
        f"contains `10.0.0.0/8`, which meets `10.0.0.0/8` of `@office`: {FORBIDDEN}",
        f"contains `127.0.0.0/8`, which meets `127.0.0.0/8` of `loopback`: {FORBIDDEN}",
        "cannot be checked against `@gone`, which is not loaded",
    ]
