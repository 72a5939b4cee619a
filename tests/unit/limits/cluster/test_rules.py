from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from gateway.limits.cluster.rules import credentials_of, naming_secret, prefix_of
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Place:
    file: Path | None = None
    environment: str | None = None


VARIABLE = Place(environment="STORE")


@pytest.mark.parametrize(
    ("held", "read"),
    [("hunter2", (None, "hunter2")), ("gw:hunter2", ("gw", "hunter2")), ("gw:a:b", ("gw", "a:b"))],
)
def test_credentials_are_a_password_or_a_user_with_one(held: str, read: tuple[str | None, str]) -> None:
    assert credentials_of(VARIABLE, {"STORE": held}) == read


def test_credentials_are_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("gw:hunter2\n", encoding="utf-8")

    assert credentials_of(Place(tmp_path / "secret"), {}) == ("gw", "hunter2")
    assert credentials_of(None, {}) is None


@pytest.mark.parametrize("held", ["", ":hunter2", "two\nlines"])
def test_what_holds_no_credentials_is_told_without_a_word_of_it(held: str) -> None:
    with pytest.raises(Malformed, match=r"the variable `STORE` does not hold `password` or `user:password`") as refused:
        credentials_of(VARIABLE, {"STORE": held})

    assert "hunter2" not in str(refused.value)


def test_a_secret_that_is_not_where_it_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff")
    for place, why in (
        (VARIABLE, "is not set"),
        (Place(tmp_path), "cannot be read"),
        (Place(tmp_path / "bytes"), "UTF-8"),
    ):
        with pytest.raises(Malformed, match=why):
            naming_secret(place, "p", {})


def test_names_are_of_the_secret_and_one_that_can_be_guessed_is_refused() -> None:
    one, other, none = (naming_secret(VARIABLE, "p", {"STORE": held * 16}) for held in ("a", "b", "a"))

    assert one == none != other
    assert naming_secret(None, "p", {}) != naming_secret(None, "q", {})
    with pytest.raises(Malformed, match="less than 16 bytes"):
        naming_secret(VARIABLE, "p", {"STORE": "short"})


def test_all_keys_of_a_prefix_stay_together() -> None:
    assert prefix_of("wicketgate") == "{wicketgate}:"
