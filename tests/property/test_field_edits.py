"""Fields: nothing that could end a line gets in, and one edit after another is the same as both in one."""

from __future__ import annotations

import re
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.errors import Malformed
from gateway.policy.headers import FieldPattern, Fields, HeaderEdit

NAMES = st.sampled_from(["A", "a", "B", "X-Int-A", "x_int_b", "X.Int-A", "Via"])
VALUES = st.sampled_from(["1", "2", "3"])
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=4)
PATTERNS = st.sampled_from(["A", "X-Int-*", "x_int_a", "Via"]).map(FieldPattern.parse)


def folded(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


edits = st.builds(
    HeaderEdit,
    remove=st.lists(PATTERNS, max_size=2).map(tuple),
    set=st.lists(st.tuples(NAMES, VALUES), max_size=3, unique_by=lambda pair: folded(pair[0])).map(tuple),
    add=PAIRS.map(tuple),
)
messages = PAIRS.map(lambda pairs: [(name.encode(), value.encode()) for name, value in pairs])


def by_alias(fields: list[tuple[bytes, bytes]]) -> dict[str, list[tuple[bytes, bytes]]]:
    """Order matters within a name only (RFC 9110 5.3)."""
    grouped = defaultdict(list)
    for name, value in fields:
        grouped[folded(name.decode())].append((name, value))
    return dict(grouped)


@given(edits, edits, messages)
def test_two_edits_one_after_the_other_are_their_composition(
    first: HeaderEdit, second: HeaderEdit, message: list[tuple[bytes, bytes]]
) -> None:
    assert by_alias(first.then(second).apply(message)) == by_alias(second.apply(first.apply(message)))


@given(edits, messages)
def test_an_edit_applied_leaves_nothing_of_what_it_removes_but_what_it_sets_itself(
    edit: HeaderEdit, message: list[tuple[bytes, bytes]]
) -> None:
    own = [(name.encode(), value.encode()) for name, value in (*edit.set, *edit.add)]
    edited = edit.apply(message)
    kept = edited[: len(edited) - len(own)]

    assert edited[len(kept) :] == own
    assert [each for each in message if each in kept] == kept
    assert not {folded(name.decode()) for name, _ in kept} & {folded(name) for name, _ in edit.set}
    assert not any(pattern.matches(name.decode()) for pattern in edit.remove for name, _ in kept)


@given(st.lists(st.tuples(st.binary(max_size=6), st.binary(max_size=12)), max_size=4))
def test_fields_in_bytes_are_clean_or_refused(pairs: list[tuple[bytes, bytes]]) -> None:
    clean = all(re.fullmatch(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) for name, _ in pairs) and not any(
        re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", value) for _, value in pairs
    )

    assert clean is (accepted(pairs) is not None)


def accepted(pairs: list[tuple[bytes, bytes]]) -> Fields | None:
    try:
        return Fields.of(pairs)
    except Malformed:
        return None
