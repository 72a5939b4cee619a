from __future__ import annotations

import pytest

from gateway.audit.export.health import Health, Said


@pytest.mark.parametrize(
    "said",
    [
        Said(),
        Said(sentence="it does not answer\nat all"),
        Said(missing="up to 7"),
        Said(health=Health(name="siem", state="failing", seq=7, waiting=3, seconds=1.5, missing=2, error="refused")),
    ],
)
def test_what_is_said_is_heard_as_it_was_said(said: Said) -> None:
    line = said.as_line()

    assert said == Said.from_line(line)
    assert line.count(b"\n") == 1
