from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.lists.feeds import FetchedCopies, Validators, beside, copy_name
from gateway.policy.language.feeds import parse_feed

if TYPE_CHECKING:
    from pathlib import Path

FEED = parse_feed("https://lists.example/ads.hosts")
OTHER = parse_feed("https://lists.example/other.hosts")
TOLD = Validators('"v1"', "Mon, 23 Nov 2026 10:00:00 GMT")


@pytest.fixture
def copies(tmp_path: Path) -> FetchedCopies:
    return FetchedCopies(tmp_path / "lists" / ".fetched")


def test_a_copy_is_kept_with_its_time_and_what_its_server_said(copies: FetchedCopies) -> None:
    copies.keep(FEED, b"ads.example\n", TOLD, 1000.0)

    assert (copies.directory / copy_name(FEED)).read_bytes() == b"ads.example\n"
    assert (copies.checked(FEED), copies.validators(FEED)) == (1000.0, TOLD)
    assert (copies.checked(OTHER), copies.validators(OTHER)) == (None, Validators())


def test_a_copy_that_is_still_the_list_is_as_old_as_the_answer_that_said_so(copies: FetchedCopies) -> None:
    copies.keep(FEED, b"ads.example\n", TOLD, 1000.0)
    copies.renew(FEED, 2000.0)

    assert (copies.checked(FEED), copies.validators(FEED)) == (2000.0, TOLD)


@pytest.mark.parametrize("spoilt", ["content", "about", "missing"])
def test_a_copy_that_is_not_what_was_fetched_is_fetched_as_a_whole(spoilt: str, copies: FetchedCopies) -> None:
    copies.keep(FEED, b"ads.example\n", TOLD, 1000.0)
    path = copies.directory / copy_name(FEED)
    match spoilt:
        case "content":
            path.write_bytes(b"something else")
        case "about":
            path.with_suffix(".json").write_text("{")
        case _:
            path.unlink()

    assert copies.validators(FEED) == Validators()


def test_it_lies_beside_the_last_good_copies(tmp_path: Path) -> None:
    assert beside(tmp_path / "lists" / "egress") == tmp_path / "lists" / ".fetched"
