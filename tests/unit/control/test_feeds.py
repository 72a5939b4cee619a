"""Lists are fetched in the background; what comes of it is on record, and a failure takes nothing out of force."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from gateway.config.settings import ListenerSettings, UpstreamTlsSettings
from gateway.control.feeds import Feeds, Surroundings, readers_of
from gateway.control.store import Kept, PolicyStore
from gateway.policy.addresses import Address
from gateway.policy.model import Mode
from gateway.policy.problems import Invalid
from gateway.upstreams.resolver import Resolver
from gateway.upstreams.trust import read_trust
from tests.e2e.certificates import Wish, authority
from tests.e2e.origin import Origin, origin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOOPBACK = Address.parse("127.0.0.1")
DAY = 86_400.0
LIST = b"ads.example\ntrackers.example\n"


def answer(content: bytes = LIST, etag: str = "v1") -> bytes:
    return b'HTTP/1.1 200 OK\r\nETag: "%s"\r\nContent-Length: %d\r\n\r\n' % (etag.encode(), len(content)) + content


@dataclass
class Place:
    """A policy with a list that is fetched, its store, and a server of lists; a clock that is moved by hand."""

    folder: Path
    origin: Origin
    more: str = ""
    now: float = 1_795_000_000.0
    records: list[Any] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    own: frozenset[tuple[Address, int]] = frozenset()

    def write(self, more: str = "") -> None:
        (self.folder / "p.yaml").write_text(
            "version: 1\nname: p\ndefault: {action: allow}\nlists:\n"
            f"  ads: {{type: domain, match: is, url: 'https://lists.example:{self.origin.port}/ads'{more}}}\n"
        )

    def store(self) -> PolicyStore:
        settings = ListenerSettings(
            name="egress", mode=Mode.FORWARD, bind=(LOOPBACK, 8080), policy=self.folder / "p.yaml"
        )
        store = PolicyStore(
            settings, self.folder / "state", own=frozenset(), clock=lambda: self.now, record=self.records.append
        )
        store.foresee()
        return store

    def feeds(self, store: PolicyStore) -> Feeds:
        trusted = read_trust(UpstreamTlsSettings(trust=(self.folder / "root.pem",), system_roots=False), self.now)
        around = Surroundings(
            resolver=Resolver({"lists.example": (LOOPBACK,)}, 5.0),
            trust=lambda: trusted,
            own=self.own,
            clock=lambda: self.now,
            draw=lambda: 0.5,
            record=self.records.append,
            said=self.said.append,
        )
        return Feeds({"egress": store}, self.folder / "state" / "lists" / ".fetched", around)

    def started(self) -> tuple[PolicyStore, Feeds]:
        """A store with its list, and who fetches it."""
        store = self.store()
        feeds = self.feeds(store)
        asyncio.run(feeds.fetch_missing())
        store.start()
        return store, feeds

    def of_lists(self) -> list[tuple[str, str, str]]:
        """Of every record of a list: what came of it, why it was read, and the first problem."""
        found = (each for each in self.records if each["event"] == "list")
        return [(each["outcome"], each["cause"], "".join(each["problems"][:1])) for each in found]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    root = authority()
    (tmp_path / "root.pem").write_bytes(root.pem)
    with origin(tls=root.signs(Wish(names=("lists.example",))).served(tmp_path)) as served:
        served.answer = answer()
        made = Place(tmp_path, served)
        made.write()
        yield made


def entries(store: PolicyStore) -> int | None:
    (held,) = store.lists.values()
    return None if held.content is None else held.content.entries


def test_what_is_missing_is_fetched_before_the_start(place: Place) -> None:
    store, _ = place.started()

    assert entries(store) == 2
    assert place.of_lists() == [("loaded", "start", "")]


def test_a_start_without_a_list_and_without_its_server_is_refused_and_says_why(place: Place) -> None:
    place.origin.answer = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(Invalid, match="was not fetched yet"):
        place.started()

    assert place.said == [f"egress: lists.ads: `https://lists.example:{place.origin.port}/ads` answered 500"]


def test_a_restart_without_a_network_has_the_list_with_its_age(place: Place) -> None:
    place.write(", max_age: 7d")
    place.started()
    place.origin.answer = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    place.now += 8 * DAY

    store, _ = place.started()

    assert entries(store) == 2
    outcome, _, problem = place.of_lists()[-1]
    assert outcome == "stale"
    assert "is 8 d old, `max_age` is 7 d; it stays in force" in problem


def test_it_is_fetched_again_when_its_time_has_come_and_what_has_changed_is_read(place: Place) -> None:
    store, feeds = place.started()
    place.origin.answer = answer(LIST + b"more.example\n", "v2")
    assert asyncio.run(feeds.refresh()) == frozenset()

    place.now += DAY + 1
    assert asyncio.run(feeds.refresh()) == {"egress"}
    store.reload("list")

    assert entries(store) == 3
    assert b'If-None-Match: "v1"' in place.origin.received
    assert place.of_lists()[-1] == ("loaded", "list", "")


def test_an_order_to_fetch_hears_what_came_of_each_list(place: Place) -> None:
    _, feeds = place.started()
    heard = []
    for now in (
        answer(LIST + b"more.example\n", "v2"),
        b"HTTP/1.1 304 No\r\n\r\n",
        b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
    ):
        place.origin.answer = now
        came = asyncio.run(feeds.fetch_now())
        heard += [(each.came, each.why, sorted(readers_of(came))) for each in came]

    assert heard == [("fetched", "", ["egress"]), ("unchanged", "", ["egress"]), ("failed", "answered 503", [])]
    assert came[0].data()["lists"] == [{"listener": "egress", "name": "ads"}]


def test_what_nothing_comes_of_is_known_to_its_store_until_something_does(place: Place) -> None:
    store, feeds = place.started()
    fails, began = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", place.now
    told = []
    for now in (fails, fails, answer(LIST, "v2"), fails):
        place.origin.answer = now
        asyncio.run(feeds.fetch_now())
        told.append({name: (each.why, each.since - began) for name, each in store.unfetched.items()})
        place.now += 60.0

    assert told == [
        {"ads": ("answered 503", 0.0)},
        {"ads": ("answered 503", 0.0)},
        {},
        {"ads": ("answered 503", 180.0)},
    ]


def test_a_list_that_has_not_changed_is_as_young_as_the_answer(place: Place) -> None:
    store, feeds = place.started()
    place.origin.answer = b"HTTP/1.1 304 Not Modified\r\n\r\n"
    place.now += DAY + 1

    assert asyncio.run(feeds.refresh()) == {"egress"}
    store.reload("list")

    (held,) = store.lists.values()
    assert held.content is not None
    assert held.content.modified == place.now


def test_a_failure_is_told_once_and_tried_again_after_longer_and_longer_pauses(place: Place) -> None:
    store, feeds = place.started()
    place.origin.answer = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    place.now += DAY + 1
    visits = []
    for _ in range(10):
        assert asyncio.run(feeds.refresh()) == frozenset()
        visits.append(len(place.origin.visits) - 1)
        place.now += 60.0

    assert visits == [1, 2, 2, 3, 3, 3, 3, 4, 4, 4]
    assert entries(store) == 2
    assert len(place.said) == 1
    assert place.said[0].endswith("answered 500; the last copy stays")
    assert place.of_lists()[1:] == [("kept", "list", f"`https://lists.example:{place.origin.port}/ads` answered 500")]


@pytest.mark.parametrize(
    ("why", "content"), [("an empty list is not believed", b""), ("more than `max_shrink`", b"ads.example\n")]
)
def test_what_is_not_believed_leaves_the_last_good_copy_in_force(why: str, content: bytes, place: Place) -> None:
    place.write(", guard: {max_shrink: 30%}")
    store, feeds = place.started()
    place.origin.answer = answer(content, "v2")
    place.now += DAY + 1
    asyncio.run(feeds.refresh())

    store.reload("list")

    assert entries(store) == 2
    outcome, cause, problem = place.of_lists()[-1]
    assert (outcome, cause) == ("kept", "list")
    assert why in problem


def test_a_list_that_is_not_what_the_policy_pins_is_not_kept(place: Place) -> None:
    place.write(f", digest: 'sha256:{sha256(LIST).hexdigest()}'")
    store, feeds = place.started()
    place.origin.answer = answer(LIST + b"more.example\n", "v2")
    place.now += DAY + 1

    assert asyncio.run(feeds.refresh()) == frozenset()
    assert entries(store) == 2
    assert "the policy wants" in place.said[0]


def test_a_list_that_grew_too_old_is_told_though_nothing_new_came(place: Place) -> None:
    place.write(", max_age: 2d")
    store, feeds = place.started()
    place.origin.answer = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    place.now += 3 * DAY

    assert asyncio.run(feeds.refresh()) == {"egress"}
    store.reload("list")
    place.now += DAY
    assert asyncio.run(feeds.refresh()) == frozenset()
    assert place.of_lists()[-1][0] == "stale"


def test_a_list_may_say_itself_who_vouches_for_its_server(place: Place) -> None:
    place.write(", ca: mine.pem")
    with pytest.raises(Invalid):
        place.started()
    assert "`mine.pem` cannot be used" in place.said[0]

    (place.folder / "mine.pem").write_bytes((place.folder / "root.pem").read_bytes())
    store, _ = place.started()
    assert entries(store) == 2


def test_a_feed_never_leads_to_the_gateway_itself(place: Place) -> None:
    place.own = frozenset({(LOOPBACK, place.origin.port)})
    with pytest.raises(Invalid):
        place.started()

    assert place.said[0].endswith("leads to a listener of the gateway itself")
    assert place.origin.visits == []


def test_a_list_that_a_new_policy_names_is_fetched_as_soon_as_that_is_known(place: Place) -> None:
    store, feeds = place.started()
    policy = (place.folder / "p.yaml").read_text("utf-8").replace("/ads", "/others").replace("ads:", "others:")
    (place.folder / "p.yaml").write_text(policy, encoding="utf-8")
    assert isinstance(store.reload("signal"), Kept)

    assert asyncio.run(feeds.refresh()) == {"egress"}

    assert not isinstance(store.reload("list"), Kept)
    assert b"GET /others " in place.origin.received
