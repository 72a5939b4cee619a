from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.cache import Cache, Plan, Step
from gateway.cache.store import Kept, MemoryStore
from tests.unit.cache.exchanges import NOW, answered, asked, cached

SAYS = ["max-age=60", "max-age=60, must-revalidate", "max-age=60, stale-while-revalidate=60", "no-cache", "s-maxage=9"]
ASKS = ["", "no-cache", "max-age=5", "max-stale", "min-fresh=50", "only-if-cached"]


def holding(says: str = "max-age=60", *more: str, body: bytes = b"body") -> Cache:
    cache = Cache(MemoryStore(100_000, 100_000))
    cache.keep(asked(), cached(says, *more), body)
    return cache


@dataclass(frozen=True, slots=True)
class Told:
    step: Step
    status: str


def told(plan: Plan) -> Told:
    return Told(plan.step, str(plan.status))


@pytest.mark.parametrize(
    ("request_fields", "later", "wanted"),
    [
        ((), 20, Told(Step.GIVE, "gateway; hit; ttl=40")),
        ((), 60, Told(Step.VALIDATE, "gateway; fwd=stale")),
        (("Cache-Control: no-cache",), 20, Told(Step.VALIDATE, "gateway; fwd=request")),
        (("Cache-Control: no-store",), 20, Told(Step.PASS, "gateway; fwd=request")),
        (("Range: bytes=0-1",), 20, Told(Step.GIVE, "gateway; hit; ttl=40")),
        (("Range: bytes=0-1",), 60, Told(Step.PASS, "gateway; fwd=stale")),
        (('If-None-Match: "a"',), 20, Told(Step.UNCHANGED, "gateway; hit; ttl=40")),
        (('If-None-Match: "b"',), 20, Told(Step.GIVE, "gateway; hit; ttl=40")),
        (("Cache-Control: only-if-cached",), 60, Told(Step.GIVE_UP, 'gateway; detail="only-if-cached"')),
    ],
)
def test_what_comes_next_is_told_with_the_reason(request_fields: tuple[str, ...], later: float, wanted: Told) -> None:
    assert told(holding("max-age=60", 'ETag: "a"').look_up(asked(*request_fields), NOW + later)) == wanted


def test_what_is_not_there_is_asked_for() -> None:
    cache = holding("max-age=60", "Vary: A")

    assert told(cache.look_up(asked(target="/other"), NOW)) == Told(Step.FORWARD, "gateway; fwd=uri-miss")
    assert told(cache.look_up(asked("A: 1"), NOW)) == Told(Step.FORWARD, "gateway; fwd=vary-miss")
    assert cache.look_up(asked(method="HEAD", target="/other"), NOW).step is Step.PASS
    assert cache.look_up(asked(method="POST"), NOW).step is Step.PASS
    assert cache.look_up(asked("Cache-Control: only-if-cached", target="/other"), NOW).step is Step.GIVE_UP


def test_head_is_answered_with_what_was_kept_for_get() -> None:
    plan = holding().look_up(asked(method="HEAD"), NOW)

    assert (plan.step, plan.kept is not None) == (Step.GIVE, True)


def test_what_is_stale_is_asked_about_with_its_validators() -> None:
    plan = holding("max-age=60", 'ETag: "a"').look_up(asked(), NOW + 61)

    assert plan.questions == ((b"If-None-Match", b'"a"'),)


def test_a_confirmed_answer_is_fresh_again_with_its_old_content() -> None:
    cache = holding("max-age=60", 'ETag: "a"')
    stale = cache.look_up(asked(), NOW + 61).kept
    assert stale is not None

    renewed = cache.confirmed(asked(), stale, answered('ETag: "a"', status=304, asked_at=NOW + 61, came_at=NOW + 61))

    assert renewed is not None
    assert renewed.body == b"body"
    assert told(cache.look_up(asked(), NOW + 70)) == Told(Step.GIVE, "gateway; hit; ttl=51")


@pytest.mark.parametrize("reply", [answered('ETag: "b"', status=304), answered('ETag: "a"', status=200)])
def test_a_reply_that_speaks_of_another_answer_confirms_nothing(reply: object) -> None:
    cache = holding("max-age=60", 'ETag: "a"')
    stale = cache.look_up(asked(), NOW + 61).kept
    assert isinstance(stale, Kept)

    assert cache.confirmed(asked(), stale, reply) is None  # type: ignore[arg-type]  # pytest tells no types of parameters


def test_an_unsafe_request_outdates_what_was_kept() -> None:
    cache = holding()

    assert cache.answered(asked(method="POST"), answered()) == "method"
    assert cache.look_up(asked(), NOW).step is Step.FORWARD


def test_an_unsafe_request_that_failed_outdates_nothing() -> None:
    cache = holding()
    cache.answered(asked(method="POST"), answered(status=500))

    assert cache.look_up(asked(), NOW).step is Step.GIVE


def test_a_stale_answer_stands_in_for_a_failing_origin_where_that_is_allowed() -> None:
    assert holding("max-age=60, stale-if-error=60").after_error(asked(), NOW + 90) is not None
    assert holding("max-age=60").after_error(asked(), NOW + 90) is None


@given(st.sampled_from(SAYS), st.sampled_from(ASKS), st.floats(0, 200))
def test_nothing_stale_is_ever_given_unasked(says: str, asks: str, later: float) -> None:
    request = asked(f"Cache-Control: {asks}") if asks else asked()

    plan = holding(says).look_up(request, NOW + later)

    if plan.step is Step.GIVE:
        assert (plan.status.left or 0) > 0 or (asks == "max-stale" and says.startswith("max-age"))
        assert "no-cache" not in says
        assert asks != "no-cache"
    if plan.step is Step.GIVE_AND_ASK:
        assert "stale-while-revalidate" in says


@pytest.mark.parametrize("said", ["Set-Cookie: who=alice", "Cache-Control: private", "Cache-Control: no-store"])
def test_what_a_304_says_to_one_client_alone_is_given_to_him_and_to_nobody_else(said: str) -> None:
    cache = holding("max-age=60", 'ETag: "a"')
    stale = cache.look_up(asked(), NOW + 61).kept
    assert stale is not None

    renewed = cache.confirmed(asked(), stale, answered('ETag: "a"', said, status=304))

    assert renewed is not None
    assert renewed.body == b"body"
    assert cache.look_up(asked(), NOW + 61).step is Step.FORWARD


def test_a_304_to_credentials_leaves_what_is_kept_as_it_was() -> None:
    cache = holding("max-age=60", 'ETag: "a"')
    known = asked("Cookie: who=alice")
    stale = cache.look_up(known, NOW + 61).kept
    assert stale is not None

    renewed = cache.confirmed(known, stale, answered('ETag: "a"', "X-For: alice", status=304, came_at=NOW + 61))

    assert renewed is not None
    assert (b"X-For", b"alice") in renewed.answer.raw
    left = cache.look_up(asked(), NOW + 62)
    assert (left.step, left.kept) == (Step.VALIDATE, stale)
