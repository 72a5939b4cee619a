from __future__ import annotations

import pytest

from tests.unit.config.objections import FORWARD, objections


@pytest.mark.parametrize(
    ("said", "audit"),
    [
        ("audit: `export` is not supported yet, leave it out", "export: []"),
        ("audit: `rotate` is not supported yet, leave it out", "rotate: {age: 1d}"),
        ("audit.durability: `sync` is not supported yet, write `batched`", "durability: sync"),
        ("audit.on_failure: `open` is not supported yet, write `closed`", "on_failure: open"),
    ],
)
def test_what_the_audit_log_cannot_do_yet_is_refused(said: str, audit: str) -> None:
    assert [said] == objections(f"listeners: [{FORWARD}]\naudit: {{{audit}}}")
