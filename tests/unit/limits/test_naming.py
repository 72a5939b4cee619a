from __future__ import annotations

from itertools import combinations

import pytest

from gateway.limits.naming import REMEMBERED, SIZE, Names, name_of, rate_name, running_name
from gateway.policy.addresses import Address
from gateway.policy.limits import LimitSpec, Rate
from gateway.policy.model import ABSENT, UNKNOWN

SECRET = b"s" * 32
KEYS = [
    (),
    ("",),
    ("a",),
    ("a", ""),
    ("", "a"),
    (("a", ""),),
    (b"a",),
    (1,),
    ("1",),
    (None,),
    (ABSENT,),
    (UNKNOWN,),
    (Address.parse("10.0.0.1"),),
    ("10.0.0.1",),
    (Address.parse("2001:db8::1").bucket,),
    (frozenset({"a", "b"}),),
    ("s1:a",),
    ("\ud800",),
]
SPEC = LimitSpec(id="slow", key=("client.ip",), rate=Rate.of("1/s", 1), concurrent=1)


def test_no_two_keys_have_one_name() -> None:
    names = [name_of(SECRET, b"limit", key) for key in KEYS]

    assert all(one != other for one, other in combinations(names, 2))
    assert {len(name) for name in names} == {SIZE}


def test_a_name_is_the_same_in_every_process_that_knows_the_secret_and_nowhere_else() -> None:
    key = (frozenset({"b", "a"}), Address.parse("10.0.0.1"))

    assert name_of(SECRET, b"limit", key).hex() == "ae0c18df33fe188f7df1a2ab25478292"
    assert name_of(b"t" * 32, b"limit", key) != name_of(SECRET, b"limit", key)
    assert name_of(SECRET, b"other", key) != name_of(SECRET, b"limit", key)


def test_a_rate_is_another_one_with_other_numbers_and_what_runs_is_not() -> None:
    other = LimitSpec(id="slow", key=("client.ip",), rate=Rate.of("2/s", 1), concurrent=2)

    assert rate_name(SECRET, "shop", SPEC) != rate_name(SECRET, "shop", other)
    assert running_name(SECRET, "shop", SPEC) == running_name(SECRET, "shop", other)


@pytest.mark.parametrize("called", [rate_name, running_name])
def test_listeners_and_ids_and_keys_tell_limits_apart(called: object) -> None:
    assert callable(called)
    others = [
        LimitSpec(id="fast", key=SPEC.key, rate=SPEC.rate, concurrent=1),
        LimitSpec(id="slow", key=("user",), rate=SPEC.rate, concurrent=1),
    ]
    names = {called(SECRET, "shop", SPEC), called(SECRET, "api", SPEC), *(called(SECRET, "shop", o) for o in others)}

    assert len(names) == 4


def test_what_cannot_be_named_is_an_error() -> None:
    with pytest.raises(TypeError, match="kind `object`"):
        name_of(SECRET, b"limit", (object(),))


def test_keys_that_were_asked_for_of_late_are_known_by_their_limit() -> None:
    names = Names(SECRET)
    for number in range(REMEMBERED + 1):
        names.of(b"limit", (number,))
    again = names.of(b"limit", (7,))
    names.of(b"other", ("a",))

    assert again == name_of(SECRET, b"limit", (7,))
    assert len(names.known(b"limit")) == REMEMBERED + 1
    assert (names.known(b"other"), names.known(b"third")) == ([("a",)], [])
    for number in range(2 * REMEMBERED):
        names.of(b"third", (number,))
    assert (names.known(b"limit"), names.known(b"other")) == ([], [])
