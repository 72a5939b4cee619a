from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.writing.encoding import body, number, part

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON, min_size=1))
def test_what_was_written_is_what_is_read_in_printable_ascii(record: dict[str, object]) -> None:
    text = b"{" + body(record)

    assert json.loads(text) == record
    assert all(0x20 <= byte < 0x7F for byte in text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'"a":"\\u2028"}', "\u2028"),
        (b'"a":"\\u202e"}', "\u202e"),
        (b'"a":"\\u007f"}', "\x7f"),
        (b'"a":"\\ud800"}', "\ud800"),
        (b'"a":"\\ud83d\\ude00"}', "\U0001f600"),
        (b'"a":"\\n\\u001b"}', "\n\x1b"),
        (b'"a":18446744073709551616}', 2**64),
    ],
)
def test_what_could_deceive_a_reader_is_escaped(text: bytes, value: object) -> None:
    assert body({"a": value}) == text


def test_the_keys_keep_their_order() -> None:
    assert body({"b": 1, "a": {"d": None, "c": [True]}}) == b'"b":1,"a":{"d":null,"c":[true]}}'


def test_what_is_no_json_is_an_error() -> None:
    with pytest.raises(TypeError):
        body({"a": object()})


@given(st.floats(allow_nan=False, allow_infinity=False) | st.floats(0.0, 1e6), st.sampled_from((3, 6, 20)))
def test_a_number_has_one_spelling(value: float, digits: int) -> None:
    for each in (value, round(value, digits), 0.0, -0.0, 0.001, 1e-6, 1e15, 1e16):
        assert number(each) == part(each)
