from __future__ import annotations

import pytest

from tests.unit.config.objections import FORWARD, objections, read


@pytest.mark.parametrize("number", [1, 2, 64])
def test_so_many_workers_can_share_the_work(number: int) -> None:
    assert read(f"listeners: [{FORWARD}]\nworkers: {number}").workers == number


@pytest.mark.parametrize("number", ["0", "65", "-1", "auto"])
def test_a_number_of_workers_that_makes_no_sense_is_refused(number: str) -> None:
    [problem] = objections(f"listeners: [{FORWARD}]\nworkers: {number}")

    assert problem.startswith(f"workers: `{number}` ")
    assert "a number of processes from 1 to 64, best one per core" in problem


def test_the_contact_is_told_as_it_was_written() -> None:
    assert read(f"listeners: [{FORWARD}]\ncontact: Help desk, room 4").contact == "Help desk, room 4"
