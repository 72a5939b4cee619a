from __future__ import annotations

import pytest

from gateway.lists.formats import drop
from tests.list_files import networks_in, texts

RECORDS = """\
{"cidr":"192.0.2.0/24","sblid":"SBL1","rir":"ripencc"}
{"cidr":"2001:db8::/32","sblid":"SBL2","rir":"apnic"}
"""
METADATA = '{"type":"metadata","timestamp":1790000000,"records":2,"copyright":"somebody"}\n'
TEXT = """\
; DROP List 2026/11/21
192.0.2.0/24 ; SBL1
198.51.100.0/24 ; SBL2
"""


@pytest.mark.parametrize(
    ("networks", "content"),
    [
        ({"192.0.2.0/24", "2001:db8::/32"}, RECORDS + METADATA),
        ({"192.0.2.0/24", "2001:db8::/32"}, RECORDS),
        ({"192.0.2.0/24", "198.51.100.0/24"}, TEXT),
    ],
)
def test_both_forms_are_read(networks: set[str], content: str) -> None:
    gathered = networks_in(content, drop.reader())

    assert networks == texts(gathered)
    assert list(gathered.oddities.problems(gathered.entries, tolerant=False)) == []


@pytest.mark.parametrize(
    ("why", "content"),
    [
        (
            "line 2: its last line counts 2 records, but it holds 1: it may be cut off",
            RECORDS.split("\n", maxsplit=1)[0] + "\n" + METADATA,
        ),
        ('line 3: `{"cidr":"192` is not JSON, the line may be cut off', RECORDS + '{"cidr":"192'),
        ('line 3: `{"sblid":"SBL3"}` has no `cidr`', RECORDS + '{"sblid":"SBL3"}\n'),
        ('line 3: `{"cidr":7}` has no `cidr`', RECORDS + '{"cidr":7}\n'),
        ("line 3: `10.0.0.1/8` has host bits set, use `10.0.0.0/8`", RECORDS + '{"cidr":"10.0.0.1/8"}\n'),
        ("line 1: `SBL1` is not an IP address", "SBL1\n"),
    ],
)
def test_a_file_that_is_cut_off_or_wrong_is_not_believed(why: str, content: str) -> None:
    gathered = networks_in(content, drop.reader())

    assert [why] == list(gathered.oddities.problems(gathered.entries, tolerant=False))


def test_a_line_that_nests_as_deep_as_it_can_is_only_wrong() -> None:
    gathered = networks_in('{"a":' * 800 + "1" + "}" * 800, drop.reader())

    assert (gathered.entries, gathered.oddities.wrong) == (0, 1)
