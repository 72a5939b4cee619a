"""The laws of trace contexts: what is written is read back, and whatever is read is written in the one form."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.traces.context import Context, states


def ids(size: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=size, max_size=size).filter(any).map(bytes.hex)


contexts = st.builds(Context, ids(16), ids(8), st.booleans())


@given(contexts)
def test_what_is_written_is_read_back(context: Context) -> None:
    assert Context.parse([str(context)]) == context


@given(contexts, st.integers(0, 54), st.characters(codec="latin-1"))
def test_one_character_changed_is_refused_or_names_another_context_in_the_same_form(
    context: Context, at: int, character: str
) -> None:
    text = str(context)
    changed = text[:at] + character + text[at + 1 :]

    found = Context.parse([changed])

    assert found is None or Context.parse([str(found)]) == found
    assert found is None or changed[3:52] == str(found)[3:52]


@given(st.lists(st.text(st.characters(codec="latin-1"), max_size=60), max_size=3))
def test_a_state_that_is_taken_is_taken_again_as_it_was_written(values: list[str]) -> None:
    whole = states(values)

    assert whole is None or (states([whole]), whole.isascii()) == (whole, True)
