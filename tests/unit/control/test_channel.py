from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.control.channel import MOST, MOST_ANSWERED, Order, Outcome, read_order, read_outcome
from gateway.policy.errors import Malformed


@given(st.text(max_size=20), st.dictionaries(st.text(max_size=9), st.text(max_size=50), max_size=4))
def test_an_order_is_read_as_it_was_said_and_is_one_line(verb: str, given_with: dict[str, str]) -> None:
    line = bytes(Order(verb, given_with))

    assert read_order(line) == Order(verb, given_with)
    assert line.count(b"\n") == 1


@pytest.mark.parametrize("outcome", [Outcome({"answers": 3}), Outcome(), Outcome(refused="not\nnow")])
def test_an_outcome_is_read_as_it_was_said(outcome: Outcome) -> None:
    assert read_outcome(bytes(outcome)) == outcome


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"{}\n",
        b"[]\n",
        b"nonsense\n",
        b"\xff\n",
        b'{"do": 1}\n',
        b'{"do": "x", "with": []}\n',
        b'{"do": "x", "with": {"a": 1}}\n',
        b'{"do": "x", "as": "root"}\n',
        b'{"do": "' + b"x" * MOST + b'"}\n',
    ],
)
def test_what_is_no_order_is_malformed(line: bytes) -> None:
    with pytest.raises(Malformed):
        read_order(line)


@pytest.mark.parametrize(
    "line", [b"", b"{}\n", b'{"done": 1}\n', b'{"done": {}, "refused": "x"}\n', b'{"refused": 1}\n', b'{"other": 1}\n']
)
def test_what_is_no_outcome_is_malformed(line: bytes) -> None:
    with pytest.raises(Malformed):
        read_outcome(line)


def test_an_answer_may_be_longer_than_an_order_but_not_without_end() -> None:
    long = Outcome({"text": "x" * 2 * MOST})

    assert read_outcome(bytes(long)) == long
    assert read_outcome(bytes(Outcome({"text": "x" * MOST_ANSWERED}))).refused == (
        f"the answer has more than {MOST_ANSWERED} bytes, ask for less"
    )
