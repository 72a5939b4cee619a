from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.lists.load import load_lists
from gateway.policy.addresses import Address, Network
from gateway.policy.language.clauses import ListDocument
from gateway.policy.names import Host
from gateway.policy.problems import Place
from tests.list_files import (
    ADS,
    DAY,
    DROP,
    NEVER_CORP,
    NEVER_OFFICE,
    NOW,
    OFFICE,
    PLACE,
    Folder,
    database,
    published,
    said,
)

# --- what is believed -------------------------------------------------------------------------------------------------


def test_a_file_is_found_from_the_folder_of_the_policy_and_told_by_its_digest(folder: Folder) -> None:
    path = folder.write(ADS.file, "ads.example\n", age=DAY)

    loaded = folder.load(ADS)

    assert said(loaded) == ([], [])
    content = loaded.contents["ads"]
    assert (1, NOW - DAY, str(path)) == (content.entries, content.modified, content.file)
    assert f"sha256:{hashlib.sha256(b'ads.example\n').hexdigest()}" == content.digest
    assert content.domains is not None
    assert content.domains.find(Host.parse("www.ads.example")) == "ads.example"


def test_entries_that_the_policy_itself_holds_need_no_file(folder: Folder) -> None:
    names = ListDocument(
        name="names", type="domain", match="is", items=(Host.parse("a.example"), Host.parse("10.0.0.1"))
    )

    loaded = folder.load(OFFICE, names)

    assert said(loaded) == ([], [])
    office, listed = loaded.contents["office"].networks, loaded.contents["names"].domains
    assert office is not None
    assert listed is not None
    assert str(office.find(Address.parse("10.1.2.3"))) == "10.0.0.0/8"
    assert [listed.find(Host.parse(name)) for name in ("a.example", "b.a.example", "10.0.0.1")] == [
        "a.example",
        None,
        "10.0.0.1",
    ]


def test_every_problem_of_a_network_file_has_its_line_and_the_way_out(folder: Folder) -> None:
    folder.write(DROP.file, "# drop\n192.0.2.0/24\n10.0.0.1/8\nnonsense\n")

    problems, notices = said(folder.load(DROP))

    where = "policies/corporate.yaml:14:40  lists.drop: file `lists/drop.netset`"
    assert [
        f"{where} line 3: `10.0.0.1/8` has host bits set, use `10.0.0.0/8`",
        f"{where} line 4: `nonsense` is not an IP address",
    ] == problems
    assert notices == []
    assert folder.load(DROP).contents == {}


def test_a_few_odd_names_in_a_long_list_are_left_out_and_told(folder: Folder) -> None:
    folder.write(ADS.file, "a b\n" + "".join(f"n{number}.example\n" for number in range(500)) + "c..d\n")

    problems, notices = said(folder.load(ADS))

    assert problems == []
    assert len(notices) == 1
    assert (
        "file `lists/ads.txt`: 2 lines are no host and left out, the first is line 1: host `a b`: spaces" in notices[0]
    )


def test_an_odd_name_in_a_short_list_is_a_problem(folder: Folder) -> None:
    folder.write(ADS.file, "good.example\na b\n")

    problems, notices = said(folder.load(ADS))

    assert (len(problems), notices) == (1, [])
    assert "file `lists/ads.txt` line 2: host `a b`: spaces are not allowed" in problems[0]


# --- what stays in force ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ("is missing", None),
        ("holds 0 entries, an empty list is not believed", ""),
        ("line 1: host `<html>`: `<` is not allowed", "<html>\n"),
        ("contains `corp.example`, which meets `under: corp.example`: `never_contains` forbids it", "corp.example\n"),
    ],
)
def test_a_bad_file_leaves_the_last_good_copy_in_force_and_says_so(why: str, text: str | None, folder: Folder) -> None:
    document = replace(ADS, guard=NEVER_CORP)
    path = folder.write(ADS.file, "ads.example\n", age=3 * DAY)
    folder.load(document)
    path.unlink()
    if text is not None:
        folder.write(ADS.file, text)

    loaded = folder.load(document)

    stays = "the last good copy, 3 d old, with 1 entry, stays in force"
    assert ([], [f"{PLACE}  lists.ads: file `lists/ads.txt` {why}; {stays}"]) == said(loaded)
    content = loaded.contents["ads"]
    assert (NOW - 3 * DAY, str(folder.kept / "ads.list")) == (content.modified, content.file)
    assert content.domains is not None
    assert content.domains.find(Host.parse("ads.example")) == "ads.example"


def test_without_a_last_good_copy_a_missing_file_is_a_problem(folder: Folder) -> None:
    assert ([f"{PLACE}  lists.ads: file `lists/ads.txt` is missing"], []) == said(folder.load(ADS))


def test_a_directory_or_a_pipe_is_no_list(folder: Folder) -> None:
    (folder.base / "lists").mkdir(parents=True)
    (folder.base / "lists" / "ads.txt").mkdir()
    os.mkfifo(folder.base / "lists" / "drop.netset")

    problems, _ = said(folder.load(ADS, DROP))

    assert [
        f"{PLACE}  lists.ads: file `lists/ads.txt` is no regular file",
        f"{PLACE}  lists.drop: file `lists/drop.netset` is no regular file",
    ] == problems


@pytest.mark.parametrize(
    ("notices", "age"),
    [
        ([], 7 * DAY),
        ([f"{PLACE}  lists.ads: stale: `lists/ads.txt` is 8 d old, `max_age` is 7 d; it stays in force"], 8 * DAY),
    ],
)
def test_a_list_that_is_too_old_stays_in_force_and_is_told(notices: list[str], age: float, folder: Folder) -> None:
    folder.write(ADS.file, "ads.example\n", age=age)

    loaded = folder.load(replace(ADS, max_age=7 * DAY))

    assert ([], notices) == said(loaded)
    assert loaded.contents["ads"].entries == 1


# --- loading again ----------------------------------------------------------------------------------------------------


def test_a_list_that_did_not_change_is_not_read_again(folder: Folder) -> None:
    folder.write(ADS.file, "ads.example\na b\n" + "".join(f"n{number}.example\n" for number in range(500)))
    before = folder.load(ADS)
    folder.write(ADS.file, (folder.base / str(ADS.file)).read_text(), age=9 * DAY)

    after = folder.load(replace(ADS, place=Place("policies/corporate.yaml", 20, 1)), before=before)

    assert before.contents["ads"].domains is after.contents["ads"].domains
    assert after.contents["ads"].modified == NOW - 9 * DAY
    assert [notice.message for notice in before.notices] == [notice.message for notice in after.notices]
    assert after.notices[0].place.line == 20


@pytest.mark.parametrize("changed", ["text", "match", "guard"])
def test_a_list_of_which_anything_changed_is_judged_again(changed: str, folder: Folder) -> None:
    folder.write(ADS.file, "mail.corp.example\n")
    before = folder.load(ADS)
    document = {"text": ADS, "match": replace(ADS, match="is"), "guard": replace(ADS, guard=NEVER_CORP)}[changed]
    if changed == "text":
        folder.write(ADS.file, "ads.example\n")

    after = folder.load(document, before=before)

    domains = after.contents["ads"].domains if "ads" in after.contents else None
    found = None if domains is None else domains.find(Host.parse("www.mail.corp.example"))
    assert found is None


def test_a_list_is_judged_again_when_the_list_that_guards_it_changed(folder: Folder) -> None:
    folder.write(DROP.file, "192.0.2.0/24\n")
    guarded = replace(DROP, guard=NEVER_OFFICE)
    before = folder.load(guarded, OFFICE)

    after = folder.load(guarded, replace(OFFICE, items=(Network.parse("192.0.2.8/29"),)), before=before)

    assert (before.problems, after.problems[0].path.removeprefix("lists.")) == ((), "drop")


# --- databases and published lists ------------------------------------------------------------------------------------


GEO = ListDocument(name="geo", type="database", format="mmdb", file="geo.mmdb", place=PLACE)


@pytest.mark.parametrize("content", [b"no database", b"", database()[:-9]])
def test_a_file_that_is_no_database_is_a_problem(content: bytes, folder: Folder) -> None:
    folder.write(GEO.file, "").write_bytes(content)

    problems, _ = said(folder.load(GEO))

    assert problems == [f"{PLACE}  lists.geo: file `geo.mmdb` is no MaxMind database, or it is cut off"]


def test_of_a_database_the_copy_that_was_judged_is_used(folder: Folder) -> None:
    folder.write(GEO.file, "").write_bytes(database(nodes=3))

    loaded = folder.load(GEO)
    folder.write(GEO.file, "").write_bytes(b"half of a new one")

    content = loaded.contents["geo"]
    assert (content.entries, content.domains, content.networks) == (3, None, None)
    assert content.file is not None
    assert Path(content.file).read_bytes() == database(nodes=3)
    assert folder.load(GEO).contents["geo"].file == content.file


def test_published_lists_load_together(tmp_path: Path) -> None:
    documents = {
        "basic": ListDocument(name="basic", type="domain", format="hosts", file=BASIC, match="is"),
        "tracking": ListDocument(name="tracking", type="domain", format="adblock", file=TRACKING),
        "ipsum": ListDocument(name="ipsum", type="network", format="plain", file=IPSUM),
        "networks": ListDocument(name="networks", type="network", format="netset", file=NETWORKS),
    }

    loaded = load_lists(documents, published(BASIC).parent, tmp_path, NOW)

    assert (loaded.problems, loaded.notices) == ((), ())
    written = [_lines(published(file)) for file in (IPSUM, NETWORKS)]
    assert [loaded.contents[name].entries for name in ("ipsum", "networks")] == written
    assert min(content.entries for content in loaded.contents.values()) >= 10


BASIC, TRACKING = "hosts-basic.txt", "adblock-tracking.txt"
IPSUM, NETWORKS = "addresses-ipsum.txt", "networks.netset"


def _lines(path: Path) -> int:
    """How many lines of a list of networks are entries."""
    return sum(not line.startswith("#") for line in path.read_text().splitlines() if line)
