from __future__ import annotations

from random import Random

import pytest

from gateway.policy.errors import Malformed
from gateway.policy.headers import Fields, field_name
from gateway.policy.names import Host
from gateway.upstreams.claims import Claim, FieldCondition, FieldOperator, canonical_path

SHOP = Host.parse("shop.example")


def said(name: str, operator: FieldOperator = "present", *values: str) -> FieldCondition:
    return FieldCondition(field_name(name), operator, values)


ONE, TWO, TEN = said("x-v", "is", "1"), said("x-v", "is", "2"), said("x-v", "prefix", "1")


@pytest.mark.parametrize(
    ("holds", "condition", "values"),
    [
        (True, said("x-v"), ("",)),
        (True, said("x-v"), ("1", "2")),
        (False, said("x-v"), ()),
        (True, said("x-v", "absent"), ()),
        (False, said("x-v", "absent"), ("",)),
        (True, ONE, ("1",)),
        (False, ONE, ("10",)),
        (False, ONE, ()),
        (True, TEN, ("10",)),
        (False, TEN, ("2",)),
        # said twice, a field has no one value
        (False, ONE, ("1", "1")),
        (False, TEN, ("1", "10")),
    ],
)
def test_a_condition_is_on_the_one_value_of_a_field(
    *, holds: bool, condition: FieldCondition, values: tuple[str, ...]
) -> None:
    assert holds is condition.holds(values)


@pytest.mark.parametrize(
    ("excludes", "one", "other"),
    [
        (True, ONE, TWO),
        (False, ONE, TEN),
        (True, TWO, TEN),
        (False, TEN, said("x-v", "prefix", "12")),
        (True, TEN, said("x-v", "prefix", "2")),
        (False, said("x-v", "is", "1", "2"), TWO),
        (True, said("x-v", "absent"), said("x-v")),
        (True, said("x-v", "absent"), ONE),
        (False, said("x-v"), ONE),
        (False, ONE, said("x-w", "is", "2")),
    ],
)
def test_two_conditions_exclude_each_other_if_no_request_meets_both(
    *, excludes: bool, one: FieldCondition, other: FieldCondition
) -> None:
    assert excludes is one.excludes(other)
    assert excludes is other.excludes(one)


def test_the_more_specific_of_two_claims_has_the_greater_rank() -> None:
    ordered = [
        Claim(host=SHOP, path="/login", exact=True, method="POST", fields=(ONE,)),
        Claim(host=SHOP, path="/login", exact=True, method="POST"),
        Claim(host=SHOP, path="/login", exact=True, fields=(ONE,)),
        Claim(host=SHOP, path="/", exact=True),
        Claim(host=SHOP, path="/a/b/c"),
        Claim(host=SHOP, path="/a/b", method="GET"),
        Claim(host=SHOP),
        Claim(host=SHOP, under=True, path="/x", exact=True),
        Claim(host=Host.parse("example"), under=True, path="/x", exact=True),
        Claim(path="/x", exact=True, method="GET", fields=(ONE,)),
        Claim(),
    ]
    mixed = Random(7).sample(ordered, len(ordered))

    assert sorted(mixed, key=lambda claim: claim.rank, reverse=True) == ordered
    assert sorted(mixed, key=lambda claim: claim.order) == ordered


def test_a_claim_says_what_it_is_for_and_no_secret() -> None:
    claim = Claim(
        host=SHOP, under=True, path="/a", exact=True, method="GET", fields=(said("x-api-key", "is", "s3"), TEN)
    )

    assert str(claim) == ("host under shop.example, path is /a, method GET, field x-api-key is ***, field x-v prefix 1")
    assert str(Claim(fields=(said("cookie"),))) == "any host, path below /, field cookie present"


@pytest.mark.parametrize(
    ("covered", "mine", "others"),
    [
        (True, (), [(said("x"),), (said("x", "absent"),)]),
        (False, (), [(said("x"),), (ONE,)]),
        (True, (ONE,), [(ONE, said("y")), (said("x-v", "prefix", "1"), said("y", "absent"))]),
        (False, (said("x-v"),), [(ONE, said("y")), (ONE, said("y", "absent"))]),
        # no single value is left, but a field can be there twice
        (False, (said("x-v"),), [(said("x-v", "is", "1"), said("y")), (said("x-v", "absent"), said("y"))]),
        (False, (ONE,), [(said("x-w"),)]),
        (False, (ONE,), []),
    ],
)
def test_a_claim_is_covered_if_more_specific_ones_leave_nothing(
    *, covered: bool, mine: tuple[FieldCondition, ...], others: list[tuple[FieldCondition, ...]]
) -> None:
    rivals = [Claim(path="/a", fields=each) for each in others]

    assert covered is Claim(path="/a", fields=mine).is_covered_by(rivals)
    assert not Claim(path="/a", method="GET", fields=mine).is_covered_by(rivals)
    assert not Claim(path="/b", fields=mine).is_covered_by(rivals)


def test_with_too_many_cases_a_claim_counts_as_reached() -> None:
    many = tuple(said(f"x{number}") for number in range(12))

    assert not Claim().is_covered_by(
        [Claim(fields=many), Claim(fields=(said("x0"),)), Claim(fields=(said("x0", "absent"),))]
    )


@pytest.mark.parametrize(
    ("matches", "claim", "host", "path", "method"),
    [
        (True, Claim(), "a.test", "/x", "GET"),
        (True, Claim(), "a.test", "*", "OPTIONS"),
        (True, Claim(host=SHOP, under=True), "a.shop.example", "/", "GET"),
        (True, Claim(host=SHOP, under=True), "shop.example", "/", "GET"),
        (False, Claim(host=SHOP), "a.shop.example", "/", "GET"),
        (False, Claim(path="/a"), "a.test", "/ab", "GET"),
        (True, Claim(path="/a"), "a.test", "/a/", "GET"),
        (False, Claim(path="/a", exact=True), "a.test", "/a/", "GET"),
        (False, Claim(method="GET"), "a.test", "/", "HEAD"),
        (False, Claim(fields=(ONE,)), "a.test", "/", "GET"),
    ],
)
def test_a_claim_is_on_a_request_or_not(*, matches: bool, claim: Claim, host: str, path: str, method: str) -> None:
    assert matches is claim.matches(Host.parse(host), path, method, Fields(()))


@pytest.mark.parametrize(
    ("canonical", "text"),
    [("/api", "/api/"), ("/", "/"), ("/caf%C3%A9/a%20b", "/café/a b"), ("/a", "/%61"), ("/a:b;c", "/a:b;c")],
)
def test_a_path_of_the_configuration_is_read_as_those_of_requests(canonical: str, text: str) -> None:
    assert canonical == canonical_path(text)


def test_an_exact_path_keeps_its_slash() -> None:
    assert canonical_path("/api/", exact=True) == "/api/"


@pytest.mark.parametrize("text", ["*", "api", "/100%", "/a%2fb"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        canonical_path(text)
