from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.lists.source import LARGEST, Source, UnreadableError, digest_of

HANDLES = Path("/proc/self/fd")


def test_a_file_is_read_with_its_time_and_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "ads.txt"
    path.write_bytes(b"abc")
    os.utime(path, (1_795_000_000.0, 1_795_000_000.0))

    assert Source.read(path) == Source(
        content=b"abc",
        modified=1_795_000_000.0,
        digest="sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        path=str(path),
    )


def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()

    found = Source.read(path)

    assert (found.content, found.digest) == (b"", digest_of(b""))


def test_a_link_is_read_as_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "v2.txt").write_bytes(b"ads.example")
    (tmp_path / "ads.txt").symlink_to("v2.txt")

    assert Source.read(tmp_path / "ads.txt").content == b"ads.example"


def test_what_cannot_be_read_ends_a_sentence_that_begins_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "file").touch()
    wanted = {
        "nothing": "is missing",
        "folder": "is no regular file",
        "pipe": "is no regular file",
        "round": "cannot be read: too many levels of symbolic links",
        "file/below": "cannot be read: not a directory",
        "x" * 300: "cannot be read: file name too long",
    }

    assert {name: _refusal(tmp_path / name) for name in wanted} == wanted


def test_a_file_beyond_the_bound_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "endless"
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)

    assert _refusal(path) == "is larger than 256 MB"


def test_no_handle_is_left_open_by_what_cannot_be_read(tmp_path: Path) -> None:
    before = len(list(HANDLES.iterdir()))
    for _ in range(20):
        assert _refusal(tmp_path) == "is no regular file"

    assert len(list(HANDLES.iterdir())) == before


def _refusal(path: Path) -> str:
    with pytest.raises(UnreadableError) as caught:
        Source.read(path)
    return str(caught.value)
