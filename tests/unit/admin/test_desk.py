from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.admin.asking import Engine
from gateway.admin.brief import Brief
from gateway.admin.desk import Desk
from gateway.admin.sessions import Sessions
from gateway.admin.token import Secret

if TYPE_CHECKING:
    from pathlib import Path


def test_a_desk_begins_with_nothing_counted_and_nobody_who_guards(tmp_path: Path) -> None:
    brief = Brief(socket=0, state=str(tmp_path), version="1")
    desk = Desk(brief, Engine(tmp_path), Secret(tmp_path), Sessions(lambda: 0.0))

    assert desk.guard is None
    assert desk.figures.told("1h", "2026-11-23T10:00:00Z", 1)["decisions"] == {"allow": 0, "deny": 0}
