from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.audit.records.times import timestamp
from gateway.control.listing import Unfetched, holders, list_data, list_held, unwell
from gateway.policy.language.clauses import Feed
from gateway.policy.names import Host
from tests.list_files import ADS, DAY, NOW, OFFICE, PLACE, Folder

if TYPE_CHECKING:
    from pathlib import Path

USERS = {"ads": ("no-ads", "no-ads-either")}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_list_tells_what_it_holds_how_old_it_is_and_who_uses_it(folder: Folder) -> None:
    folder.write(ADS.file, "ads.example\nother.example\n", age=2 * DAY)
    loaded = folder.load(replace(ADS, max_age=DAY)).lists["ads"]

    told = list_data("egress", loaded, USERS, NOW)

    assert (told["listener"], told["name"], told["source"]) == ("egress", "ads", "lists/ads.txt")
    assert (told["entries"], told["memory"], told["age"], told["stale"]) == (2, 16, 2 * DAY, True)
    assert told["used_by"] == ["no-ads", "no-ads-either"]
    assert "is 2 d old" in told["problems"][0]


def test_a_list_without_content_says_why(folder: Folder) -> None:
    feed = Feed("https://lists.example/ads", Host.parse("lists.example"), 443, "/ads")
    told = list_data("egress", folder.load(replace(ADS, file=None, feed=feed)).lists["ads"], {}, NOW)

    assert (told["entries"], told["memory"], told["digest"], told["age"]) == (0, 0, None, None)
    assert (told["source"], told["used_by"]) == ("https://lists.example/ads", [])
    assert told["problems"] == ["`https://lists.example/ads` was not fetched yet"]


def test_a_list_that_cannot_be_fetched_says_why_and_since_when(folder: Folder) -> None:
    feed = Feed("https://lists.example/ads", Host.parse("lists.example"), 443, "/ads")
    fetched = replace(folder.load(ADS).lists["ads"], document=replace(ADS, file=None, feed=feed))
    failed = Unfetched(feed.url, "answered 503", NOW)

    told = list_data("egress", fetched, {}, NOW, failed)
    moved = list_data("egress", fetched, {}, NOW, replace(failed, url="https://lists.example/before"))

    assert told["unfetched"] == {"why": "answered 503", "since": timestamp(NOW)}
    assert told["problems"][-1].startswith("`https://lists.example/ads` answered 503, since 20")
    assert told["problems"][-1].endswith("; the last copy stays")
    assert moved["unfetched"] is None, "another URL was meant"


@pytest.mark.parametrize(
    ("wrong", "is_unwell"),
    [
        ({}, False),
        ({"stale": True}, True),
        ({"fell_back": True}, True),
        ({"unfetched": {"why": "answered 503"}}, True),
        ({"digest": None}, True),
    ],
)
def test_what_is_amiss_with_a_list_makes_it_unwell(wrong: dict[str, object], is_unwell: bool) -> None:  # noqa: FBT001 - a row of a table
    row = {"stale": False, "fell_back": False, "unfetched": None, "digest": "sha256:00"}

    assert unwell(row | wrong) is is_unwell


def test_a_list_that_grew_too_old_since_it_was_read_says_so(folder: Folder) -> None:
    folder.write(ADS.file, "ads.example\n")
    loaded = folder.load(replace(ADS, max_age=DAY)).lists["ads"]

    young, old = list_data("egress", loaded, {}, NOW), list_data("egress", loaded, {}, NOW + 2 * DAY)

    assert (young["stale"], young["problems"]) == (False, [])
    assert old["stale"] is True
    assert "is 2 d old" in old["problems"][0]


def test_who_holds_a_subject_says_by_what_and_where_that_can_be_looked_up(folder: Folder) -> None:
    path = folder.write(ADS.file, "ads.example\n")
    lists = folder.load(ADS, OFFICE).lists

    (name,) = holders("egress", lists, USERS, Host.parse("www.ads.example"))
    (address,) = holders("egress", lists, USERS, Host.parse("10.1.2.3"))

    assert (name["name"], name["entry"], name["used_by"]) == ("ads", "ads.example", ["no-ads", "no-ads-either"])
    assert (name["file"], name["line"]) == (str(path), None)
    assert (address["name"], address["entry"], address["file"]) == ("office", "10.0.0.0/8", PLACE.file)
    assert address["line"] == PLACE.line
    assert not list(holders("egress", lists, USERS, Host.parse("other.example")))


def test_what_is_told_of_a_list_is_enough_to_read_its_lines(folder: Folder) -> None:
    folder.write(ADS.file, "ads.example\n")
    (held,) = holders("egress", folder.load(ADS).lists, {}, Host.parse("ads.example"))

    assert list_held(held) == replace(ADS, file=None)
