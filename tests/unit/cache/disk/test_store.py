from __future__ import annotations

import asyncio
import os
import resource
import signal
import stat
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.cache.disk.store import DiskStore
from gateway.cache.store import Kept
from tests.unit.cache.disk.killed_store import NEW, OLD
from tests.unit.cache.exchanges import asked, cached

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

ROOM = 100_000
ROOT = Path(__file__).parents[4]
KILLED = Path(__file__).with_name("killed_store.py")


class Disk:
    """A store in a folder, and what its operator was told."""

    def __init__(self, folder: Path, most: int = ROOM, entries: int = 100) -> None:
        self.said: list[str] = []
        self.folder = folder
        self.store = DiskStore(folder, most, 50_000, entries, self.said.append)
        self.store.open()

    def keep(self, target: str = "/x", body: bytes = b"body", *more: str, fields: tuple[str, ...] = ()) -> None:
        self.store.keep(asked(*fields, target=target), Kept(cached("max-age=60", *more), body))

    def found(self, target: str = "/x", *fields: str) -> bytes | None:
        kept = self._done(lambda: self.store.read(asked(*fields, target=target)))
        return None if kept is None else kept.body

    def settle(self) -> None:
        self._done(self.store.settled)

    def again(self) -> Disk:
        """The store after a restart."""
        self.store.close()
        return Disk(self.folder, self.store.most, self.store.entries)

    def files(self) -> list[Path]:
        self.settle()
        return sorted(self.folder.iterdir())

    def _done[T](self, work: Callable[[], Coroutine[object, object, T]]) -> T:
        return asyncio.run(work())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    opened = Disk(tmp_path / "kept")
    yield opened
    opened.store.close()


def test_what_is_kept_is_there_after_a_restart_as_it_was(disk: Disk) -> None:
    disk.keep("/a", b"a", "X-Field: \xe9")
    disk.keep("/b", b"b")
    again = disk.again()
    kept = asyncio.run(again.store.read(asked(target="/a")))

    assert kept == Kept(cached("max-age=60", "X-Field: \xe9"), b"a")
    assert (again.found("/b"), again.found("/c")) == (b"b", None)
    assert (len(again.store), again.store.size, again.said) == (2, disk.store.size, [])


def test_files_are_for_their_owner_alone_and_their_names_tell_nothing(disk: Disk) -> None:
    disk.keep("/secret-place")
    file = disk.files()[0]

    assert stat.S_IMODE(disk.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.name) == 64
    assert "secret" not in file.name


def test_answers_that_vary_are_found_by_those_who_ask_alike_also_after_a_restart(disk: Disk) -> None:
    for language in ("de", "en"):
        disk.keep("/x", language.encode(), "Vary: Accept-Language", fields=(f"Accept-Language: {language}",))
    again = disk.again()

    assert [again.found("/x", f"Accept-Language: {each}") for each in ("de", "en", "fr")] == [b"de", b"en", None]
    assert len(again.store) == 2


@pytest.mark.parametrize(
    ("fields", "answer", "partition"),
    [
        ((), ("Set-Cookie: who=alice",), ""),
        (("Authorization: Basic c2VjcmV0",), ("Vary: Authorization",), ""),
        (("Cookie: session=secret",), ("Vary: Accept, cookie",), ""),
        ((), (), "set-apart"),
    ],
)
def test_what_is_for_one_alone_never_reaches_the_disk(
    fields: tuple[str, ...], answer: tuple[str, ...], partition: str, disk: Disk
) -> None:
    request = asked(*fields)
    request = type(request)(request.method, "https", request.authority, "/x", request.fields, partition)
    disk.store.keep(request, Kept(cached("public, max-age=60", *answer), b"body"))

    assert (disk.files(), len(disk.store), disk.store.size) == ([], 0, 0)


def test_a_secret_of_a_request_is_in_no_file(disk: Disk) -> None:
    disk.keep("/x", b"body", fields=("Authorization: Bearer hunter2", "Cookie: a=hunter3"))

    assert b"hunter" not in disk.files()[0].read_bytes()


@pytest.mark.parametrize("cut", [0, 10, 100, 300, -1])
def test_a_file_that_was_cut_is_no_answer_and_is_removed(cut: int, disk: Disk) -> None:
    disk.keep(body=b"b" * 1000)
    file = disk.files()[0]
    whole = file.read_bytes()
    file.write_bytes(whole[:cut])

    assert disk.found() is None
    assert not file.exists()
    assert "was removed" in disk.said[0]
    assert disk.store.size == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 5_000), st.integers(1, 255))
def test_no_byte_of_a_file_can_be_changed_without_being_noticed(
    tmp_path_factory: pytest.TempPathFactory, place: int, change: int
) -> None:
    disk = Disk(tmp_path_factory.mktemp("disk") / "kept")
    disk.keep(body=b"b" * 500)
    file = disk.files()[0]
    held = bytearray(file.read_bytes())
    held[place % len(held)] ^= change
    file.write_bytes(held)
    again = disk.again()

    assert again.found() is None
    assert not file.exists()
    assert len(again.said) == 1
    again.store.close()


@pytest.mark.parametrize("form", ["text", "folder", "link", "pipe", "other-name"])
def test_what_somebody_else_put_there_is_no_answer(form: str, disk: Disk, tmp_path: Path) -> None:
    disk.keep()
    file = disk.files()[0]
    content = file.read_bytes()
    file.unlink()
    foreign = file.with_name("0" * 64) if form == "other-name" else file
    match form:
        case "text":
            foreign.write_text("not an answer", encoding="utf-8")
        case "folder":
            foreign.mkdir()
        case "link":
            (tmp_path / "elsewhere").write_bytes(content)
            foreign.symlink_to(tmp_path / "elsewhere")
        case "pipe":
            os.mkfifo(foreign)
        case _:
            foreign.write_bytes(content)
    again = disk.again()

    assert (again.found(), len(again.store)) == (None, 0)
    assert len(again.said) == 1
    assert form == "folder" or not foreign.is_symlink()
    assert form == "folder" or not foreign.exists()
    again.store.close()


def test_what_was_used_longest_ago_makes_room_in_bytes_and_in_number(tmp_path: Path) -> None:
    few = Disk(tmp_path / "few", entries=3)
    small = Disk(tmp_path / "small", most=30_000)
    for number in range(6):
        few.keep(f"/{number}")
        small.keep(f"/{number}", b"x" * 5_000)
        few.found("/0")

    assert [few.found(f"/{number}") is not None for number in range(6)] == [True, False, False, False, True, True]
    assert (len(few.files()), len(small.files())) == (3, 3)
    assert small.store.size <= 30_000
    few.store.close()
    again = Disk(small.folder, most=20_000)
    assert (len(again.store), len(again.files())) == (2, 2)
    again.store.close()
    small.store.close()


def test_what_is_dropped_is_gone_from_the_folder_at_once_and_stays_gone(disk: Disk) -> None:
    disk.keep("/a")
    disk.keep("/b")
    disk.settle()
    disk.store.forget(asked(target="/a").key)
    names = [each.name for each in disk.folder.iterdir()]
    disk.keep("/c")
    disk.store.forget(asked(target="/c").key)  # before it was written

    assert len(names) == 1
    assert len(disk.files()) == 1
    assert [disk.found(each) for each in ("/a", "/b", "/c")] == [None, b"body", None]


def test_what_is_purged_is_gone_when_it_has_settled(disk: Disk) -> None:
    for target in ("/items/1", "/items/2", "/about"):
        disk.keep(target)
    purged = disk.store.purge(lambda key: "/items/" in key)

    assert sorted(purged) == ["https://shop.example/items/1", "https://shop.example/items/2"]
    assert len(disk.files()) == len(disk.store) == 1


def test_a_disk_that_is_full_takes_nothing_and_the_operator_is_told_once(disk: Disk) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        for number in range(3):
            disk.keep(f"/{number}", b"x" * 20_000)
            disk.settle()
        left = disk.files()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    disk.keep("/after")

    assert left == []
    assert len(disk.said) == 1
    assert "takes nothing, answers are kept in memory alone" in disk.said[0]
    assert [disk.found(each) for each in ("/0", "/after")] == [None, b"body"]
    assert len(disk.store) == 1


def test_a_folder_that_went_away_takes_nothing(disk: Disk, tmp_path: Path) -> None:
    disk.keep("/a")
    disk.settle()
    disk.folder.rename(tmp_path / "elsewhere")
    disk.keep("/b")

    assert (disk.found("/a"), disk.found("/b"), len(disk.store)) == (None, None, 0)
    assert len(disk.said) == 2


def test_a_store_that_was_closed_takes_nothing_and_gives_nothing(disk: Disk) -> None:
    disk.keep("/a")
    disk.keep("/b")
    disk.store.close()
    disk.keep("/c")
    disk.store.forget(asked(target="/a").key)
    disk.store.purge(lambda _key: True)

    assert (disk.found("/b"), disk.files(), disk.said) == (None, [], [])


def test_killed_at_any_file_operation_every_answer_is_whole_or_not_there(tmp_path: Path) -> None:
    for moment in count():
        folder = tmp_path / f"{moment}"
        command = [sys.executable, str(KILLED), str(moment), str(folder)]
        ended = subprocess.run(
            command, check=False, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
        )
        said: list[str] = []
        store = DiskStore(folder, 10_000_000, 1_000_000, 100, said.append)
        store.open()
        found = {
            target: None if kept is None else kept.body
            for target in ("/changes", "/goes", "/stays")
            for kept in [asyncio.run(store.read(asked(target=target)))]
        }
        store.close()

        assert found["/changes"] in {None, OLD, NEW}
        assert found["/goes"] in ({None} if "outdated" in ended.stdout else {None, OLD})
        assert found["/stays"] in ({OLD} if "outdated" in ended.stdout else {None, OLD})
        assert (said, list(folder.glob("*.new"))) == ([], [])
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL
    assert found["/changes"] == NEW
    assert moment >= 10


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from(["", "A", "B"]), st.integers(0, 9_000), st.booleans()),
        max_size=30,
    )
)
def test_what_is_counted_is_what_is_there_and_never_too_much(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, int, bool]]
) -> None:
    disk = Disk(tmp_path_factory.mktemp("disk") / "kept", most=40_000, entries=5)
    for target, vary, length, forgets in steps:
        if forgets:
            disk.store.forget(asked(target=f"/{target}").key)
        else:
            more = (f"Vary: {vary}",) if vary else ()
            disk.keep(f"/{target}", b"x" * length, *more, fields=(f"A: {length % 3}", f"B: {length % 2}"))
        assert 0 <= disk.store.size <= 40_000
    files = disk.files()
    again = disk.again()

    assert len(files) == len(disk.store) == len(again.store) <= 5
    assert sum(each.stat().st_size + 4096 for each in files) == disk.store.size == again.store.size
    assert again.said == []
    again.store.close()
