from __future__ import annotations

import pytest

from gateway.lists.formats import mmdb
from tests.list_files import database

WHOLE = database(nodes=3)
MARK = b"\xab\xcd\xefMaxMind.com"
HEAD = WHOLE.index(MARK) + len(MARK)


@pytest.mark.parametrize("nodes", [1, 2, 3, 255, 256, 70_000])
def test_the_head_says_how_many_nodes_there_are(nodes: int) -> None:
    assert mmdb.nodes_in(database(nodes=nodes)) == nodes


@pytest.mark.parametrize("content", [b"", b"ads.example\n", b"\0" * 1_000, MARK, b"<html>404</html>"])
def test_what_is_no_database_has_none(content: bytes) -> None:
    assert mmdb.nodes_in(content) is None


def test_a_database_that_is_cut_off_anywhere_is_none() -> None:
    lengths = range(len(WHOLE))

    assert [length for length in lengths if mmdb.nodes_in(WHOLE[:length]) is not None] == []


@pytest.mark.parametrize("byte", [0x00, 0x40, 0x5D, 0x9F, 0xE0, 0xFF])
def test_no_single_wrong_byte_of_the_head_is_an_error_to_anybody(byte: int) -> None:
    spoilt = [WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :] for at in range(HEAD, len(WHOLE))]
    answers = {mmdb.nodes_in(content) for content in spoilt}

    assert None in answers
    assert [nodes for nodes in answers if nodes is not None and nodes < 0] == []


EMPTY_MAP, NESTED_LISTS = b"\xe0", b"\x01\x04" * 20_000


@pytest.mark.parametrize("head", [EMPTY_MAP, NESTED_LISTS, NESTED_LISTS + EMPTY_MAP])
def test_a_head_that_says_nothing_or_never_ends_makes_no_database(head: bytes) -> None:
    assert mmdb.nodes_in(WHOLE[:HEAD] + head) is None


def test_a_number_of_nodes_that_is_no_number_makes_no_database() -> None:
    number, text = b"node_count\xc1\x03", b"node_count\x41\x33"
    assert WHOLE.count(number) == 1

    assert mmdb.nodes_in(WHOLE.replace(number, text)) is None
