from __future__ import annotations

import pytest

from gateway.traces.context import Context, states

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True)])
def test_of_the_flags_only_the_one_for_sampling_is_looked_at(flags: str, *, sampled: bool) -> None:
    assert Context.parse([f"00-{TRACE}-{SPAN}-{flags}"]) == Context(TRACE, SPAN, sampled)


def test_a_later_version_may_say_more_behind_what_is_known() -> None:
    assert Context.parse([f"cc-{TRACE}-{SPAN}-01-what-the-future-brings"]) == Context(TRACE, SPAN, sampled=True)
    assert Context.parse([f"cc-{TRACE}-{SPAN}-01"]) == Context(TRACE, SPAN, sampled=True)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [""],
        [GOOD, GOOD],
        [f"{GOOD},{GOOD}"],
        [f" {GOOD}"],
        [f"{GOOD}\n"],
        [f"{GOOD}-more"],
        [f"cc-{TRACE}-{SPAN}-01.more"],
        [f"ff-{TRACE}-{SPAN}-01"],
        [f"00-{'0' * 32}-{SPAN}-01"],
        [f"00-{TRACE}-{'0' * 16}-01"],
        [GOOD.upper()],
        [f"00-{TRACE[:-1]}-{SPAN}-01"],
        [f"00-{TRACE}-{SPAN}"],
        [f"00-{TRACE[:-1]}é-{SPAN}-01"],
        [f"0-{TRACE}-{SPAN}-01"],
    ],
)
def test_what_is_not_one_trace_exactly_is_none(values: list[str]) -> None:
    assert Context.parse(values) is None


@pytest.mark.parametrize(
    ("values", "whole"),
    [
        (["a=1"], "a=1"),
        (["a=1, b=2"], "a=1,b=2"),
        (["a=1", "b=2"], "a=1,b=2"),
        (["a=1,,b=2,"], "a=1,b=2"),
        (["tenant1@vendor=x y"], "tenant1@vendor=x y"),
        (["1tenant@vendor=x"], "1tenant@vendor=x"),
        ([",".join(f"k{each}=v" for each in range(32))], ",".join(f"k{each}=v" for each in range(32))),
    ],
)
def test_members_of_the_state_go_on_in_their_order(values: list[str], whole: str) -> None:
    assert states(values) == whole


@pytest.mark.parametrize(
    "values",
    [
        [],
        [""],
        ["a"],
        ["a="],
        ["A=1"],
        ["1a=1"],
        ["a=1,a=2"],
        ["a=1", "a=2"],
        ["a=b=c"],
        ["a=\t"],
        ["a=é"],
        ["a@b@c=1"],
        [",".join(f"k{each}=v" for each in range(33))],
        [f"a={'x' * 256},b={'x' * 256}"],
    ],
)
def test_a_state_with_one_wrong_member_is_none(values: list[str]) -> None:
    assert states(values) is None
