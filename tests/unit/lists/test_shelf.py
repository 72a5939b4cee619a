from __future__ import annotations

import gc
from array import array
from typing import TYPE_CHECKING

import pytest

from gateway.lists.shelf import LEAST, Shelf
from gateway.policy.domains import DomainGathering, Reach
from gateway.policy.names import Host

if TYPE_CHECKING:
    from pathlib import Path

KEY = b"sixteen bytes..."
COUNT = LEAST // 8


def hashes(first: int = 0) -> array[int]:
    return array("q", range(first, first + COUNT))


def mapped(path: Path) -> int:
    """How often this process has the file in its memory."""
    maps = path.parents[len(path.parts) - 2] / "proc" / "self" / "maps"
    return sum(str(path) in line for line in maps.read_text(encoding="utf-8").splitlines())


def test_the_same_hashes_are_in_one_file_that_all_map(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf", KEY)
    kept = [shelf.kept(hashes()) for _ in range(3)]
    [file] = (tmp_path / "shelf").iterdir()

    assert [list(each) for each in kept] == [list(range(COUNT))] * 3
    assert mapped(file) == 3
    assert (file.stat().st_size, file.stat().st_mode & 0o777) == (LEAST, 0o600)


def test_a_few_hashes_stay_where_they_are(tmp_path: Path) -> None:
    few = array("q", [1, 2, 3])

    assert Shelf(tmp_path, KEY).kept(few) is few
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_holds_something_else_is_not_taken(tmp_path: Path) -> None:
    shelf, own = Shelf(tmp_path, KEY), hashes()
    shelf.kept(own)
    [file] = tmp_path.iterdir()
    file.write_bytes(bytes(LEAST))

    assert shelf.kept(own) is own


@pytest.mark.parametrize("content", [b"", b"x" * 7])
def test_a_file_that_holds_no_hashes_is_not_taken(content: bytes, tmp_path: Path) -> None:
    shelf, own = Shelf(tmp_path, KEY), hashes()
    shelf.kept(own)
    [file] = tmp_path.iterdir()
    file.unlink()
    file.write_bytes(content)

    assert shelf.kept(own) is own


def test_where_nothing_can_be_written_a_process_keeps_its_own(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    own = hashes()

    assert Shelf(tmp_path / "file", KEY).kept(own) is own


def test_what_nobody_holds_is_removed_with_the_next_and_all_at_a_start(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, KEY)
    held, given_up = shelf.kept(hashes()), shelf.kept(hashes(1))
    assert len(list(tmp_path.iterdir())) == 2
    del given_up
    gc.collect()
    other = shelf.kept(hashes(2))

    assert len(list(tmp_path.iterdir())) == 2
    assert (held[0], other[0]) == (0, 2)
    shelf.empty()
    assert list(tmp_path.iterdir()) == []


def test_a_set_of_names_finds_the_same_wherever_its_hashes_are(tmp_path: Path) -> None:
    gathering = DomainGathering(KEY)
    gathering.add(Reach.UNDER, [b"n%d.example" % number for number in range(COUNT)])
    gathering.add(Reach.IS, [b"www.n7.example"], exempt=True)
    own = gathering.done()
    moved = own.moved(Shelf(tmp_path, KEY).kept)
    asked = [Host.parse(name) for name in ("n3.example", "a.n3.example", "x.example", "www.n7.example", "n7.example")]

    assert [moved.find(host) for host in asked] == ["n3.example", "n3.example", None, None, "n7.example"]
    assert (len(moved), moved.exemptions, moved.memory) == (len(own), 1, own.memory)
    assert len(list(tmp_path.iterdir())) == 1


def test_the_seed_follows_from_the_secret(tmp_path: Path) -> None:
    assert 0 <= Shelf(tmp_path, KEY).seed < 1 << 32
    assert Shelf(tmp_path, KEY).seed != Shelf(tmp_path, KEY[::-1]).seed
