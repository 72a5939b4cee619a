from __future__ import annotations

import pytest

from gateway.replay.names import Name, generalised

SHOPS = [f"{letter}.shop.example" for letter in "abc"]


def test_a_few_names_stay_what_they_are() -> None:
    assert generalised(SHOPS, 4) == {host: Name("is", host) for host in SHOPS}


def test_many_names_below_one_are_taken_together_without_the_name_itself() -> None:
    assert generalised(SHOPS, 3) == dict.fromkeys(SHOPS, Name("below", "shop.example"))


def test_the_name_itself_is_taken_in_if_it_was_seen() -> None:
    assert generalised([*SHOPS, "shop.example"], 3) == dict.fromkeys(
        [*SHOPS, "shop.example"], Name("under", "shop.example")
    )


def test_the_deepest_name_below_which_there_are_enough_is_the_one() -> None:
    deep = [f"{letter}.cdn.shop.example" for letter in "abc"]

    assert generalised([*deep, "www.shop.example"], 3) == {
        **dict.fromkeys(deep, Name("below", "cdn.shop.example")),
        "www.shop.example": Name("is", "www.shop.example"),
    }


@pytest.mark.parametrize("suffix", ["co.uk", "com", "vercel.app", "s3.amazonaws.com", "amazonaws.com", "github.io"])
def test_names_that_only_share_a_public_suffix_are_never_taken_together(suffix: str) -> None:
    hosts = [f"{letter}.{suffix}" for letter in "abcdefgh"]

    assert {name.operator for name in generalised(hosts, 2).values()} == {"is"}


def test_addresses_are_never_taken_together() -> None:
    hosts = ["10.0.0.1", "10.1.0.1", "2001:db8::1"]

    assert {name.operator for name in generalised(hosts, 1).values()} == {"is"}
