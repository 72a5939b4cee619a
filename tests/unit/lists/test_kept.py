from __future__ import annotations

import os
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.lists.kept import KeptCopies
from gateway.lists.load import load_lists
from gateway.lists.source import Source, digest_of
from tests.list_files import ADS, DAY, DROP, NEVER_CORP, NOW, PLACE, Folder, said

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = "ads.example # ü\n".encode()


def source(content: bytes = CONTENT) -> Source:
    """A file as it was read."""
    return Source(content, NOW - DAY, digest_of(content), "policies/lists/ads.txt")


def test_a_copy_that_the_policy_forbids_now_does_not_stay_in_force(folder: Folder) -> None:
    path = folder.write(ADS.file, "mail.corp.example\n")
    folder.load(ADS)
    path.unlink()

    problems, notices = said(folder.load(replace(ADS, guard=NEVER_CORP)))

    assert [
        each.partition("lists.ads: ")[2][: len(wanted)]
        for each, wanted in zip(problems, ("file `lists/ads.txt` is missing", "the last good copy"), strict=True)
    ] == ["file `lists/ads.txt` is missing", "the last good copy"]
    assert notices == []


def test_copies_are_the_very_bytes_and_for_the_gateway_alone(folder: Folder) -> None:
    path = folder.write(ADS.file, "ads.example # ü\n", age=DAY)
    folder.load(ADS)

    copy = folder.kept / "ads.list"
    assert path.read_bytes() == copy.read_bytes()
    assert [stat.S_IMODE(each.stat().st_mode) for each in (copy, folder.kept)] == [0o600, 0o700]
    assert copy.stat().st_mtime == NOW - DAY
    assert [copy] == list(folder.kept.iterdir())


def test_a_bad_file_never_replaces_the_copy(folder: Folder) -> None:
    folder.write(DROP.file, "192.0.2.0/24\n")
    folder.load(DROP)
    folder.write(DROP.file, "nonsense\n")

    folder.load(DROP)

    assert (folder.kept / "drop.list").read_text() == "192.0.2.0/24\n"


def test_a_copy_that_cannot_be_written_is_told_and_the_list_is_in_force(folder: Folder) -> None:
    folder.write(ADS.file, "ads.example\n")
    folder.kept.parent.mkdir(parents=True)
    folder.kept.write_text("a file where the directory should be")

    loaded = folder.load(ADS)

    assert (said(loaded)[0], loaded.contents["ads"].entries) == ([], 1)
    assert f"file `lists/ads.txt` cannot be kept in `{folder.kept}`" in str(loaded.notices[0])


def test_nothing_is_kept_where_there_is_no_directory_for_it(folder: Folder) -> None:
    path = folder.write(ADS.file, "ads.example\n")
    loaded = load_lists({"ads": ADS}, folder.base, None, NOW)
    path.unlink()

    assert loaded.contents["ads"].entries == 1
    assert ([f"{PLACE}  lists.ads: file `lists/ads.txt` is missing"], []) == said(
        load_lists({"ads": ADS}, folder.base, None, NOW)
    )


def test_what_was_kept_is_read_back_with_its_time_and_its_digest(tmp_path: Path) -> None:
    copies = KeptCopies(tmp_path / "state" / "lists")

    assert copies.read("ads") is None
    assert copies.keep("ads", source()) is None
    found = copies.read("ads")
    assert found == replace(source(), path=str(tmp_path / "state" / "lists" / "ads.list"))
    assert copies.read("other") is None


def test_a_newer_copy_takes_the_place_of_the_older_whole(tmp_path: Path) -> None:
    copies = KeptCopies(tmp_path)
    for content in (b"a much longer list than the next one\n" * 1_000, b"short\n"):
        assert copies.keep("ads", source(content)) is None

    found = copies.read("ads")
    assert found is not None
    assert found.content == b"short\n"
    assert [each.name for each in tmp_path.iterdir()] == ["ads.list"]


@pytest.mark.parametrize("name", ["../ads", "/etc/ads", "..", "a/b", ".", "ads\0"])
def test_no_name_of_a_list_leaves_the_directory(name: str, tmp_path: Path) -> None:
    directory = tmp_path / "lists"
    copies = KeptCopies(directory)

    assert copies.keep(name, source()) is None
    found = copies.read(name)
    assert found is not None
    assert found.content == CONTENT
    assert [each.parent for each in tmp_path.rglob("*.list")] == [directory]


def test_without_a_directory_nothing_is_kept_and_nothing_is_found() -> None:
    copies = KeptCopies(None)

    assert (copies.path("ads"), copies.keep("ads", source()), copies.read("ads")) == (None, None, None)


def test_a_copy_that_cannot_take_its_place_leaves_no_draft_behind(tmp_path: Path) -> None:
    (tmp_path / "ads.list").mkdir()
    (tmp_path / "ads.list" / "in the way").touch()

    assert KeptCopies(tmp_path).keep("ads", source()) == f"cannot be kept in `{tmp_path}`: is a directory"
    assert [each.name for each in tmp_path.iterdir()] == ["ads.list"]


def test_a_copy_that_is_no_file_is_no_copy(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ads.list")

    assert KeptCopies(tmp_path).read("ads") is None


def test_whoever_only_looks_leaves_copies_as_they_are(tmp_path: Path) -> None:
    KeptCopies(tmp_path, only_read=True).keep("ads", Source(b"a.example", NOW, "sha256:00", "ads"))

    assert not list(tmp_path.iterdir())
