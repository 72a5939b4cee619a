"""A set of files is there as a whole or not at all, and nothing is taken for it that is not."""

from __future__ import annotations

import os
import shutil
import sys
import time
from itertools import count
from pathlib import Path

import pytest

from gateway.control.inforce import Changed, Keeper, below, is_kept, read_set
from gateway.policy.errors import Malformed

_CHANGING = frozenset({"open", "os.mkdir", "os.rename", "os.symlink", "os.link", "os.remove", "os.rmdir", "os.utime"})


def _written(folder: Path, **texts: str) -> dict[str, tuple[Path, ...]]:
    """Files that are parts by themselves."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return {name: (folder / name,) for name in texts}


def _later() -> float:
    """A moment after everything that was written until now."""
    return time.time() + 60


def _kept(state: Path) -> dict[str, str]:
    """What a start would find, by the names of parts."""
    found = read_set(state)
    if found is None:
        return {}
    return {
        part: found.find(part, Path(path)).read_text("utf-8") for part, paths in found.parts.items() for path in paths
    }


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


def test_a_set_is_private_and_holds_every_file_under_its_path(tmp_path: Path, state: Path) -> None:
    files = _written(tmp_path / "etc", policy="a", trust="b")

    assert Keeper(state).keep(files, dict.fromkeys(files, _later()), 7.0)

    assert is_kept(state)
    found = read_set(state)
    assert found is not None
    assert found.since == 7.0
    assert found.find("trust", tmp_path / "etc" / "trust") == below(found.root("trust"), tmp_path / "etc" / "trust")
    assert _kept(state) == {"policy": "a", "trust": "b"}
    made = [state / "last-good", *found.folder.rglob("*")]
    assert {each.stat().st_mode & 0o777 for each in made if each.is_dir()} == {0o700}
    assert {each.stat().st_mode & 0o777 for each in made if each.is_file()} == {0o600}


def test_what_was_refused_stays_as_it_was_kept_and_the_rest_is_new(tmp_path: Path, state: Path) -> None:
    files, keeper = _written(tmp_path / "etc", policy="a", trust="b"), Keeper(state)
    keeper.keep(files, dict.fromkeys(files, _later()), 0.0)
    _written(tmp_path / "etc", policy="broken", trust="newer")

    assert keeper.keep(files, {"trust": _later()}, 1.0)

    assert _kept(state) == {"policy": "a", "trust": "newer"}
    assert len(list((state / "last-good").glob("set-*"))) == 1


def test_nothing_is_written_if_nothing_has_changed(tmp_path: Path, state: Path) -> None:
    files, keeper = _written(tmp_path / "etc", policy="a"), Keeper(state)
    loaded = dict.fromkeys(files, _later())

    assert [each.keep(files, loaded, 0.0) for each in (keeper, keeper, Keeper(state))] == [True, False, False]
    assert [each.name for each in (state / "last-good").glob("set-*")] == ["set-a"]


def test_what_has_changed_since_it_was_read_is_not_what_is_in_force(tmp_path: Path, state: Path) -> None:
    files, keeper = _written(tmp_path / "etc", policy="a"), Keeper(state)
    keeper.keep(files, dict.fromkeys(files, _later()), 0.0)
    read = time.time() - 1
    _written(tmp_path / "etc", policy="unread")

    with pytest.raises(Changed, match="policy"):
        keeper.keep(files, dict.fromkeys(files, read), 1.0)

    assert _kept(state) == {"policy": "a"}


def test_a_pipe_is_not_opened_for_whoever_writes_to_it_writes_for_others(tmp_path: Path, state: Path) -> None:
    os.mkfifo(tmp_path / "policy")

    with pytest.raises(Malformed, match="policy` is no ordinary file"):
        Keeper(state).keep({"policy": (tmp_path / "policy",)}, {"policy": _later()}, 0.0)

    with pytest.raises(OSError, match="No such device"):  # nobody reads
        os.open(tmp_path / "policy", os.O_WRONLY | os.O_NONBLOCK)
    assert not is_kept(state)


def test_a_part_that_was_never_kept_cannot_be_carried_over(tmp_path: Path, state: Path) -> None:
    files = _written(tmp_path / "etc", policy="a", trust="b")

    with pytest.raises(Malformed, match="`trust` is in force, and was not kept"):
        Keeper(state).keep(files, {"policy": _later()}, 0.0)

    assert read_set(state) is None


def test_a_set_that_is_objected_to_is_not_kept(tmp_path: Path, state: Path) -> None:
    files = _written(tmp_path / "etc", policy="a")

    def object_to(_kept: object) -> None:
        raise Malformed("it names what is not there")

    with pytest.raises(Malformed, match="not there"):
        Keeper(state).keep(files, dict.fromkeys(files, _later()), 0.0, object_to)

    assert not is_kept(state)


@pytest.mark.parametrize("damage", ["changed", "gone", "manifest", "version"])
def test_a_set_that_is_not_whole_is_not_used(tmp_path: Path, state: Path, damage: str) -> None:
    files = _written(tmp_path / "etc", policy="a")
    Keeper(state).keep(files, dict.fromkeys(files, _later()), 0.0)
    found = read_set(state)
    assert found is not None
    copy, manifest = found.find("policy", tmp_path / "etc" / "policy"), found.folder / "manifest.json"
    match damage:
        case "changed":
            copy.write_text("b", encoding="utf-8")
        case "gone":
            copy.unlink()
        case "manifest":
            manifest.write_text("[]", encoding="utf-8")
        case _:
            manifest.write_text(manifest.read_text("utf-8").replace('"version": 1', '"version": 9'), encoding="utf-8")

    says = {"changed": "is not what was kept", "gone": "missing", "manifest": "cannot be read", "version": "another"}
    with pytest.raises(Malformed, match=says[damage]):
        read_set(state)


def test_what_a_set_does_not_have_is_not_found_in_it(tmp_path: Path, state: Path) -> None:
    files = _written(tmp_path / "etc", policy="a")
    Keeper(state).keep(files, dict.fromkeys(files, _later()), 0.0)
    found = read_set(state)
    assert found is not None

    with pytest.raises(Malformed, match="it has no `trust`"):
        found.root("trust")
    with pytest.raises(Malformed, match="it has no `/nowhere`"):
        found.find("policy", Path("/nowhere"))


def _killed_at(step: int, state: Path, files: dict[str, tuple[Path, ...]]) -> bool:
    """Keep in a process that ends at its nth operation on a file of the state; whether it came to that."""
    child = os.fork()
    if child == 0:
        steps = count(1)

        def hook(event: str, _given: tuple[object, ...]) -> None:
            if event in _CHANGING and next(steps) == step:
                os._exit(9)

        sys.addaudithook(hook)
        Keeper(state).keep(files, {"policy": _later()}, 1.0)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_killed_between_any_two_operations_the_old_set_is_there_or_the_new_one(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    files = _written(tmp_path / "etc", policy="old", trust="same")
    Keeper(first).keep(files, dict.fromkeys(files, _later()), 0.0)
    _written(tmp_path / "etc", policy="new")
    found: list[str] = []
    for step in count(1):
        state = tmp_path / f"state-{step}"
        shutil.copytree(first, state, symlinks=True)
        was_killed = _killed_at(step, state, files)
        after = _kept(state)
        assert after["trust"] == "same"
        found.append(after["policy"])
        Keeper(state).keep(files, {"policy": _later()}, 2.0)
        assert _kept(state) == {"policy": "new", "trust": "same"}
        if not was_killed:
            break

    assert found == sorted(found, key=("old", "new").index)  # `old` up to one moment, `new` from then on
    assert set(found) == {"old", "new"}
    assert len(found) > 10
