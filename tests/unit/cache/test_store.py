from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.store import Kept, MemoryStore
from tests.unit.cache.exchanges import answered, asked

ROOM = 10_000


def everything(_key: str) -> bool:
    return True


def kept(body: bytes = b"x", *fields: str) -> Kept:
    return Kept(answered(*fields), body)


def test_an_answer_is_found_under_its_key_alone() -> None:
    store = MemoryStore(ROOM, ROOM)
    store.keep(asked(target="/a"), kept(b"a"))

    assert store.find(asked(target="/a")) == kept(b"a")
    assert store.find(asked(target="/b")) is None


def test_answers_that_vary_are_found_by_those_who_ask_alike() -> None:
    store = MemoryStore(ROOM, ROOM)
    german, english = asked("Accept-Language: de"), asked("Accept-Language: en")
    store.keep(german, kept(b"de", "Vary: Accept-Language"))
    store.keep(english, kept(b"en", "Vary: Accept-Language"))

    found = [store.find(each) for each in (german, english, asked())]

    assert [None if each is None else each.body for each in found] == [b"de", b"en", None]
    assert store.knows(asked().key)
    assert len(store) == 1


def test_an_answer_that_varies_by_something_else_takes_the_place_of_all_before() -> None:
    store = MemoryStore(ROOM, ROOM)
    store.keep(asked("A: 1"), kept(b"1", "Vary: A"))
    store.keep(asked("A: 2"), kept(b"2", "Vary: B"))

    found = store.find(asked("A: 1"))

    assert found is not None
    assert found.body == b"2"


def test_what_was_used_longest_ago_makes_room() -> None:
    store = MemoryStore(3 * kept().size, ROOM)
    for target in ("/a", "/b", "/c"):
        store.keep(asked(target=target), kept())
    store.find(asked(target="/a"))
    store.keep(asked(target="/d"), kept())

    assert [store.knows(asked(target=target).key) for target in ("/a", "/b", "/c", "/d")] == [True, False, True, True]


def test_an_answer_that_is_too_large_is_not_kept_and_the_old_one_goes() -> None:
    store = MemoryStore(ROOM, 2000)
    store.keep(asked(), kept(b"old"))

    assert not store.keep(asked(), kept(b"x" * 2000))
    assert store.find(asked()) is None
    assert store.size == 0


def test_who_invents_languages_evicts_answers_under_this_key_alone() -> None:
    store = MemoryStore(1_000_000, ROOM)
    store.keep(asked(target="/other"), kept())
    for number in range(200):
        store.keep(asked(f"Accept-Language: x{number}"), kept(b"x", "Vary: Accept-Language"))

    assert store.knows(asked(target="/other").key)
    assert store.size <= 66 * kept(b"x", "Vary: Accept-Language").size
    assert store.find(asked("Accept-Language: x0")) is None
    assert store.find(asked("Accept-Language: x199")) is not None


def test_what_begins_alike_is_purged_together() -> None:
    store = MemoryStore(ROOM, ROOM)
    for target in ("/a/1", "/a/2", "/b"):
        store.keep(asked(target=target), kept())

    assert len(store.purge(lambda key: key.startswith("https://shop.example/a/"))) == 2
    assert (len(store), store.purge(everything), store.size) == (1, frozenset({asked(target="/b").key}), 0)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from(["", "A", "B"]), st.integers(0, 3000), st.booleans()),
        max_size=60,
    )
)
def test_the_size_is_always_that_of_what_can_be_found_and_never_too_much(
    steps: list[tuple[str, str, int, bool]],
) -> None:
    store = MemoryStore(8000, 4000)

    for target, vary, length, forgets in steps:
        request = asked(f"A: {length % 3}", f"B: {length % 2}", target=f"/{target}")
        if forgets:
            store.forget(request.key)
        else:
            store.keep(request, kept(b"x" * length, *([f"Vary: {vary}"] if vary else [])))
        assert 0 <= store.size <= 8000
        assert (store.size == 0) == (len(store) == 0)
    store.purge(everything)
    assert store.size == 0
