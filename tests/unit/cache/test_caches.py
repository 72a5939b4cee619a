from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.cache import Step
from gateway.cache.caches import Caches
from gateway.config.settings import CacheSettings
from tests.unit.cache.exchanges import NOW, asked, cached

ROOM = CacheSettings(size=100_000, largest=50_000)
KEY = asked().key


def holding(*targets: str) -> Caches:
    caches = Caches()
    for target in targets:
        assert caches.of("shop", ROOM).keep(asked(target=target), cached("max-age=60"), b"body")
    return caches


def knows(caches: Caches, listener: str = "shop", room: CacheSettings = ROOM, target: str = "/x") -> bool:
    return caches.of(listener, room).look_up(asked(target=target), NOW).step is Step.GIVE


def test_a_route_has_one_cache_and_shares_it_with_no_other() -> None:
    caches = holding("/x")

    assert caches.of("shop", ROOM) is caches.of("shop", ROOM)
    assert knows(caches)
    assert not knows(caches, "another")
    assert knows(caches, room=CacheSettings(size=100_000, largest=50_000))
    assert not knows(caches, room=CacheSettings(size=100_000, largest=50_000, place="elsewhere"))


def test_there_is_none_until_one_is_asked_for() -> None:
    assert not Caches()
    assert Caches().size == 0
    assert holding("/x")


def test_what_is_outdated_is_forgotten_in_every_route_of_the_listener_and_in_no_other_listener() -> None:
    caches, other = holding("/x", "/y"), CacheSettings(size=9_000, largest=9_000)
    caches.of("shop", other).keep(asked(), cached("max-age=60"), b"body")
    caches.of("another", ROOM).keep(asked(), cached("max-age=60"), b"body")

    caches.outdate("shop", (KEY,))

    assert (knows(caches), knows(caches, room=other)) == (False, False)
    assert (knows(caches, target="/y"), knows(caches, "another")) == (True, True)


def test_an_answer_that_was_asked_for_before_a_change_does_not_hold_any_more() -> None:
    caches = Caches()
    before, elsewhere = caches.expect(KEY), caches.expect(KEY + "/other")

    caches.outdate("shop", (KEY,))
    after = caches.expect(KEY)

    assert [caches.came(each) for each in (before, elsewhere, after)] == [False, True, True]


def test_a_purge_drops_what_is_kept_and_what_is_on_its_way() -> None:
    caches = holding("/items/1", "/items/2", "/about")
    coming = caches.expect(asked(target="/items/3").key)

    assert caches.purge(lambda key: key.startswith("https://shop.example/items")) == 2
    assert not caches.came(coming)
    assert knows(caches, target="/about")
    assert caches.purge(lambda _key: True) == 1
    assert caches.size == 0


@given(st.lists(st.integers(0, 4000), max_size=60))
def test_however_much_comes_all_of_it_stays_within_its_bound(sizes: list[int]) -> None:
    caches, room = Caches(), CacheSettings(size=12_000, largest=4_000)

    for number, size in enumerate(sizes):
        caches.of("shop", room).keep(asked(target=f"/{number}"), cached("max-age=60"), b"x" * size)
        assert caches.size <= room.size
