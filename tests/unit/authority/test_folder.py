from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

import pytest

from gateway.authority.folder import PUBLIC, held, put
from gateway.authority.signers import AuthorityUnusable

if TYPE_CHECKING:
    from pathlib import Path


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_file_is_written_whole_for_its_owner_alone_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    put(tmp_path / "a.key", b"one")
    put(tmp_path / "a.key", b"two")
    put(tmp_path / "a.pem", b"known to all", PUBLIC)

    assert {each.name: (each.read_bytes(), mode(each)) for each in tmp_path.iterdir()} == {
        "a.key": (b"two", 0o600),
        "a.pem": (b"known to all", 0o644),
    }


def test_a_link_that_somebody_left_in_the_way_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.touch()
    (tmp_path / "a.key.new").symlink_to(victim)

    put(tmp_path / "a.key", b"secret")

    assert victim.read_bytes() == b""
    assert not (tmp_path / "a.key").is_symlink()


def test_a_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with held(tmp_path / "state" / "ca"):
        pass

    assert mode(tmp_path / "state" / "ca") == 0o700


def test_a_folder_without_a_key_is_closed_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    put(tmp_path / "ca.pem", b"known to all", PUBLIC)

    with held(tmp_path):
        assert mode(tmp_path) == 0o700


@pytest.mark.parametrize(("name", "wrong", "wanted"), [("", 0o750, "0700"), ("signing.key", 0o640, "0600")])
def test_what_others_could_have_read_is_refused_with_the_way_out(
    name: str, wrong: int, wanted: str, tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)
    put(tmp_path / "signing.key", b"secret")
    open_one = tmp_path / name
    open_one.chmod(wrong)

    with pytest.raises(AuthorityUnusable) as refused, held(tmp_path):
        pass

    assert str(refused.value) == (
        f"ca: `{open_one}` is open to others (mode {wrong:04o}): close it with `chmod {wanted} {open_one}`, and "
        "if somebody may have copied the key, replace the authority then (`wicketgate ca rotate`)"
    )
    assert mode(open_one) == wrong


def test_only_one_holds_the_folder_and_what_an_interrupted_change_left_is_gone(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    put(tmp_path / "coming.key.new", b"a key that was never used")

    with held(tmp_path):
        assert not (tmp_path / "coming.key.new").exists()
        other = os.open(tmp_path / "lock", os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


def test_what_the_system_refuses_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(AuthorityUnusable) as refused, held(tmp_path / "file" / "ca"):
        pass

    assert str(refused.value) == (
        f"ca: `{tmp_path / 'file' / 'ca'}`: not a directory, look who owns it and who runs the gateway"
    )
