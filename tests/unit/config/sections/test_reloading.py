from __future__ import annotations

import pytest

from gateway.config.settings import ReloadSettings
from tests.unit.config.objections import FORWARD, objections, read


def test_files_are_watched_unless_it_is_said_otherwise() -> None:
    assert read(f"listeners: [{FORWARD}]").reload == ReloadSettings(watch=True, settle=1.0)
    assert read(f"listeners: [{FORWARD}]\nreload: {{watch: false, settle: 5s}}").reload == ReloadSettings(
        watch=False, settle=5.0
    )


RESTLESS = "reload.settle: a file that has changed rests for up to a minute before it is read, like `1s`"


@pytest.mark.parametrize(
    ("objection", "section"),
    [
        (
            "reload.settle: a file that has changed rests for up to a minute before it is read, like `1s`",
            "{settle: 2h}",
        ),
        (
            "reload.settle: a file that has changed rests for up to a minute before it is read, like `1s`",
            "{settle: 0s}",
        ),
        ("reload: unknown key `wach`, did you mean `watch`?", "{wach: true}"),
    ],
)
def test_what_makes_no_sense_is_refused(objection: str, section: str) -> None:
    assert any(each.startswith(objection) for each in objections(f"listeners: [{FORWARD}]\nreload: {section}"))
