from __future__ import annotations

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.disk.entries import MOST_HEAD, Damaged, Head, head_length, name_of, written
from gateway.cache.messages import Answered
from gateway.cache.store import Kept
from gateway.cache.varying import secondary
from tests.unit.cache.exchanges import asked, cached


def parts(kept: Kept, key: str = "https://shop.example/x") -> tuple[bytes, bytes, bytes]:
    """First line, head and content."""
    head, body = written("its-name", key, ("accept",), kept)
    line, _, rest = head.partition(b"\n")
    return line + b"\n", rest, body


@given(
    st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=40)), max_size=5),
    st.integers(100, 999),
    st.floats(0, 2**33),
    st.binary(max_size=200),
    st.text(max_size=40),
)
def test_what_is_read_is_what_was_written(
    raw: list[tuple[bytes, bytes]], status: int, moment: float, body: bytes, key: str
) -> None:
    kept = Kept(Answered(status, tuple(raw), moment, moment), body)
    line, head, content = parts(kept, key)
    found = Head.read(line, head)

    assert head_length(line) == len(head)
    assert (found.name, found.key, found.names, found.whole(content)) == ("its-name", key, ("accept",), kept)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"wicketgate-cache 2 10 " + b"0" * 64 + b"\n",
        b"wicketgate-cache 1 %d " % (MOST_HEAD + 1) + b"0" * 64,
    ],
)
def test_a_line_of_something_else_is_damaged(line: bytes) -> None:
    with pytest.raises(Damaged):
        head_length(line)


@pytest.mark.parametrize("head", [b"[]", b"{}", b"no json", json.dumps({"key": "x", "names": 1}).encode()])
def test_a_head_that_says_something_else_is_damaged_also_with_its_checksum(head: bytes) -> None:
    line = b"wicketgate-cache 1 %d %s\n" % (len(head), sha256(head).hexdigest().encode())

    with pytest.raises(Damaged, match="cannot be read"):
        Head.read(line, head)


def test_another_content_is_damaged() -> None:
    line, head, body = parts(Kept(cached("max-age=60"), b"body"))
    found = Head.read(line, head)

    for other in (b"", body + b"x", b"bodx"):
        with pytest.raises(Damaged, match="its content is not as it was written"):
            found.whole(other)


def test_names_are_of_one_key_and_one_variant() -> None:
    requests = [asked("A: 1"), asked("A: 2"), asked("A: 1", target="/y")]
    names = {name_of(each.key, secondary(each, ("a",))) for each in requests}

    assert len(names) == 3
    assert name_of(requests[0].key, secondary(requests[0], ())) == name_of(requests[1].key, secondary(requests[1], ()))
