from __future__ import annotations

from tests.unit.config.objections import FORWARD, objections, read


def test_more_than_one_worker_is_refused_because_it_would_have_no_effect() -> None:
    assert objections(f"listeners: [{FORWARD}]\nworkers: 2") == [
        "workers: `2` cannot stand here, here belongs `1`; more than one worker is not supported yet"
    ]


def test_the_contact_is_told_as_it_was_written() -> None:
    assert read(f"listeners: [{FORWARD}]\ncontact: Help desk, room 4").contact == "Help desk, room 4"
