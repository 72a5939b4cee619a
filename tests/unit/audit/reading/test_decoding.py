from __future__ import annotations

import pytest

from gateway.audit.reading.decoding import parse
from gateway.audit.writing.recovery import parse_line


@pytest.mark.parametrize(
    "line",
    [
        b'{"v":1,"seq":1,"a":[1.5,null,true,"\\u00e9"]}',
        b'{"v":1,"seq":1,"request":{"size":99999999999999999999}}',
        b'{"v":1,"seq":1,"request":{"size":12}}',
        b'{"v":1,"seq":1,"user":"\\ud800"}',
        b'{"v":1,"seq":1.0}',
        b'{"v":1,"seq":true}',
        b'{"v":1}',
        b"[1]",
        b"{",
        b"",
        b"\xff",
    ],
)
def test_a_line_is_the_record_that_it_always_was(line: bytes) -> None:
    found = parse(line)

    assert found == parse_line(line)
    assert repr(found) == repr(parse_line(line)), "a whole number is not a fraction"
