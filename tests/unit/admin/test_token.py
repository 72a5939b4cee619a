from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.admin.token import Secret, ensure, read, rotate
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from pathlib import Path


def test_a_token_is_made_once_with_256_bits_for_its_owner_alone(tmp_path: Path) -> None:
    assert ensure(tmp_path) is True
    token = read(tmp_path)

    assert len(token) == 43
    assert (tmp_path / "admin-token").stat().st_mode & 0o777 == 0o600
    assert ensure(tmp_path) is False
    assert read(tmp_path) == token


def test_rotating_puts_another_one_in_its_place_and_leaves_nothing_else(tmp_path: Path) -> None:
    ensure(tmp_path)
    before = read(tmp_path)

    rotate(tmp_path)

    assert read(tmp_path) != before
    assert [each.name for each in tmp_path.iterdir()] == ["admin-token"]


@pytest.mark.parametrize(
    ("said", "content", "mode"),
    [
        ("can be read by others", b"x" * 43, 0o640),
        ("holds no token", b"short", 0o600),
        ("holds no token", b"x" * 600, 0o600),
        ("holds no token", b"\xff" * 43, 0o600),
        ("holds no token", b"", 0o600),
    ],
)
def test_what_is_no_secret_is_refused_without_being_quoted(
    said: str, content: bytes, mode: int, tmp_path: Path
) -> None:
    (tmp_path / "admin-token").write_bytes(content)
    (tmp_path / "admin-token").chmod(mode)

    with pytest.raises(Malformed, match=said) as refused:
        read(tmp_path)
    assert "xxx" not in str(refused.value)
    secret = Secret(tmp_path)
    assert secret.is_it(content.decode("latin-1")) is False


def test_a_folder_that_takes_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="cannot be made"):
        ensure(tmp_path / "nowhere")


def test_a_link_is_never_written_through(tmp_path: Path) -> None:
    (tmp_path / "admin-token").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(Malformed, match="cannot be read"):
        ensure(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_secret_follows_its_file_and_is_made_anew_when_that_is_gone(tmp_path: Path) -> None:
    ensure(tmp_path)
    old, secret = read(tmp_path).decode(), Secret(tmp_path)
    assert secret.is_it(old)
    opened = secret.changes

    rotate(tmp_path)
    assert not secret.is_it(old)
    (tmp_path / "admin-token").unlink()
    assert not secret.is_it(old)

    assert secret.is_it(read(tmp_path).decode())
    assert secret.changes == opened + 2
    assert not secret.is_it("")
    assert not secret.is_it("\ud800")
