from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gateway.policy.findings import value_of
from gateway.policy.model import ABSENT, UNKNOWN, FactName
from gateway.policy.paths import FORWARD_RULES, Target
from tests.conditions import ALLOW, DENY, truth
from tests.gates import facts

if TYPE_CHECKING:
    from gateway.policy.kleene import Truth


@pytest.mark.parametrize(
    ("wanted", "asked", "path"),
    [
        (True, {"is": ["/admin"]}, "/admin"),
        (True, {"is": ["/admin"]}, "/%61dmin"),
        (True, {"is": ["/admin"]}, "/admin?x=1"),
        (False, {"is": ["/admin"]}, "/admin/"),
        (True, {"prefix": ["/admin"]}, "/admin"),
        (True, {"prefix": ["/admin"]}, "/admin/users"),
        (True, {"prefix": ["/admin"]}, "/admin/"),
        (False, {"prefix": ["/admin"]}, "/administrators"),
        (True, {"prefix": ["/"]}, "/anything"),
        (True, {"matches": ["/item/[0-9]+"]}, "/item/42"),
        (False, {"matches": ["/item/[0-9]+"]}, "/item/42/x"),
        (True, {"is": ["/a b"]}, "/a%20b"),
        (None, {"is": ["/admin"]}, UNKNOWN),
        (False, {"is": ["/admin"]}, ABSENT),
    ],
)
def test_a_path_is_judged_decoded_and_by_whole_segments(wanted: Truth, asked: Any, path: Any) -> None:
    for side in (DENY, ALLOW):
        assert truth("path", asked, facts(path=path), side) is wanted


@pytest.mark.parametrize(
    ("denies", "allows", "prefix", "path"),
    [
        (True, False, "/admin", "/%2561dmin/users"),
        (True, False, "/admin", "//admin/users"),
        (True, False, "/a/b", "/a%2fb"),
        (True, False, "/admin", "/admin;v=1/users"),
        (True, True, "/files", "/files/a%20b"),
    ],
)
def test_a_deny_looks_at_every_reading_of_a_path_and_an_allow_needs_all(
    denies: Truth,
    allows: Truth,
    prefix: str,
    path: str,
) -> None:
    assert truth("path", {"prefix": [prefix]}, facts(path=path), DENY) is denies
    assert truth("path", {"prefix": [prefix]}, facts(path=path), ALLOW) is allows


VALUES = [
    (True, True, {"present": True}, ("one",)),
    (False, False, {"present": True}, ()),
    (True, True, {"present": False}, ()),
    (False, False, {"present": False}, ("one",)),
    (True, True, {"is": ["one"]}, ("one",)),
    (True, False, {"is": ["one"]}, ("one", "two")),
    (False, False, {"is": ["one"]}, ("ONE",)),
    (False, False, {"is": ["one"]}, ()),
    (True, True, {"contains": ["ne"]}, ("one",)),
    (True, False, {"contains": ["ne"]}, ("two", "one")),
    (True, True, {"matches": ["o.*"]}, ("one",)),
    (False, False, {"matches": ["n"]}, ("one",)),
]


@pytest.mark.parametrize(("denies", "allows", "asked", "values"), VALUES)
def test_a_field_may_come_several_times(denies: Truth, allows: Truth, asked: Any, values: tuple[str, ...]) -> None:
    known = facts(headers=[("X-Token", value) for value in values])

    assert truth("header.x-token", asked, known, DENY) is denies
    assert truth("header.X-Token", asked, known, ALLOW) is allows


@pytest.mark.parametrize(("denies", "allows", "asked", "values"), VALUES)
def test_a_parameter_may_come_several_times(denies: Truth, allows: Truth, asked: Any, values: tuple[str, ...]) -> None:
    known = facts(path="/?other=1" + "".join(f"&q={value}" for value in values))

    assert truth("query.q", asked, known, DENY) is denies
    assert truth("query.q", asked, known, ALLOW) is allows


@pytest.mark.parametrize("asked", [{"present": True}, {"present": False}, {"is": ["one"]}])
def test_fields_that_nobody_has_seen_are_unknown(asked: Any) -> None:
    assert truth("header.x-token", asked, facts(headers=UNKNOWN)) is None
    assert truth("query.q", asked, facts(path=UNKNOWN)) is None


def test_a_request_without_any_fields_lacks_the_one_that_is_asked_for() -> None:
    assert truth("header.x-token", {"present": False}, facts(headers=ABSENT)) is True
    assert truth("header.x-token", {"present": True}, facts(headers=ABSENT)) is False


@pytest.mark.parametrize("asked", [{"present": True}, {"is": ["1"]}])
def test_parameters_that_nobody_can_tell_any_more_are_unknown_and_the_path_is_not(asked: Any) -> None:
    hidden = replace(Target.parse("/a", FORWARD_RULES), query_hidden=True)

    for side in (DENY, ALLOW):
        assert truth("query.page", asked, replace(facts(), target=hidden), side) is None
        assert truth("path", {"is": ["/a"]}, replace(facts(), target=hidden), side) is True
    assert value_of(replace(facts(), target=hidden), FactName.QUERY) is UNKNOWN


def test_parameters_are_decoded() -> None:
    assert truth("query.q", {"is": ["a b"]}, facts(path="/?q=a+b")) is True
    assert truth("query.q", {"is": ["a b"]}, facts(path="/?%71=a%20b")) is True
    assert truth("query.q", {"present": True}, facts(path="/")) is False
