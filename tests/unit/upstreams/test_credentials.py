from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from gateway.policy.errors import Malformed
from gateway.upstreams.credentials import basic_authorization

if TYPE_CHECKING:
    from pathlib import Path

EXPECTED = b"Basic d2lja2V0OnM6w6krcmV0"
WORDS = "wicket:s:é+ret"


@dataclass(frozen=True)
class Source:
    file: Path | None = None
    environment: str | None = None


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_is_read_from_a_file_without_its_last_line_break(end: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes((WORDS + end).encode())

    assert basic_authorization(Source(file), {}) == EXPECTED


def test_a_secret_is_read_from_the_environment() -> None:
    assert basic_authorization(Source(environment="PARENT"), {"PARENT": WORDS}) == EXPECTED


@pytest.mark.parametrize(
    "held", [b"", b"hunter2", b":hunter2", b"a:hunter2\nb:hunter2", b"a:hunter2\x00", b"\xff:hunter2"]
)
def test_a_file_that_holds_something_else_is_refused_without_a_word_of_it(held: bytes, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(held)

    with pytest.raises(Malformed) as refusal:
        basic_authorization(Source(file), {})

    assert str(refusal.value) in {
        f"the file `{file}` does not hold `user:password` in one line",
        f"the file `{file}` is not UTF-8",
    }


def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match=r"the file `.*none` cannot be read: no such file or directory"):
        basic_authorization(Source(tmp_path / "none"), {})
    with pytest.raises(Malformed, match="the variable `PARENT` is not set"):
        basic_authorization(Source(environment="PARENT"), {})
