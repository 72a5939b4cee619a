from __future__ import annotations

import pytest

from gateway.replay.suffixes import is_owned, owned_parents


@pytest.mark.parametrize(
    ("name", "owned"),
    [
        ("shop.example", True),
        ("a.shop.co.uk", True),
        ("shop.vercel.app", True),
        ("xn--bcher-kva.example", True),
        ("co.uk", False),
        ("vercel.app", False),
        ("amazonaws.com", False),
        ("localhost", False),
        ("example", False),
    ],
)
def test_a_name_has_one_owner_if_it_is_no_public_suffix_and_none_lies_below_it(name: str, *, owned: bool) -> None:
    assert is_owned(name) is owned


def test_the_parents_of_one_owner_end_at_the_name_that_was_registered() -> None:
    assert owned_parents("a.b.shop.co.uk") == ("b.shop.co.uk", "shop.co.uk")
    assert owned_parents("shop.co.uk") == ()
    assert owned_parents("a.s3.amazonaws.com") == ()


@pytest.mark.parametrize("name", ["10.0.0.1", "2001:db8::1", "no name at all"])
def test_what_is_no_name_has_no_parents(name: str) -> None:
    assert owned_parents(name) == ()
