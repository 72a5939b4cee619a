from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.authority.shelf import Shelf


def test_what_was_asked_for_longest_ago_gives_way() -> None:
    shelf = Shelf[int](2)
    shelf.keep("a", 1, due=9.0)
    shelf.keep("b", 2, due=9.0)
    assert shelf.find("a", now=0.0) == 1

    shelf.keep("c", 3, due=9.0)

    assert [shelf.find(name, now=0.0) for name in "abc"] == [1, None, 3]


def test_what_is_due_is_not_found_any_more() -> None:
    shelf = Shelf[int](2)
    shelf.keep("a", 1, due=9.0)

    assert (shelf.find("a", now=8.9), shelf.find("a", now=9.0), len(shelf)) == (1, None, 0)


def test_the_newest_of_a_name_is_kept_and_all_can_be_let_go() -> None:
    shelf = Shelf[int](2)
    shelf.keep("a", 1, due=1.0)
    shelf.keep("a", 2, due=9.0)
    assert (shelf.find("a", now=5.0), len(shelf)) == (2, 1)

    shelf.clear()

    assert shelf.find("a", now=5.0) is None


@given(st.lists(st.text("abcdef", min_size=1, max_size=1)), st.integers(1, 4))
def test_it_never_holds_more_than_it_may(names: list[str], capacity: int) -> None:
    shelf = Shelf[str](capacity)
    for name in names:
        shelf.keep(name, name, due=1.0)
        assert shelf.find(name, now=0.0) == name
        assert len(shelf) <= capacity
