from __future__ import annotations

from addons.serving.starting import NotStarted, ready, start_of
from tests.unit.config.objections import FORWARD, read


def test_one_process_and_several_say_the_same_of_a_start_but_for_their_number() -> None:
    alone, several = (read(f"listeners: [{FORWARD}]\nworkers: {number}") for number in (1, 3))

    one, other = (start_of(each, "0.1.0", "sha256:00", 1795428000.0) for each in (alone, several))

    assert one["listeners"] == ["a forward 127.0.0.1:1"]
    assert other == {**one, "workers": 3, "settings": other["settings"]}
    assert other["settings"] != one["settings"]
    assert ready(alone) == ready(several) == "ready: forward 127.0.0.1:1"


def test_every_problem_of_a_start_is_told() -> None:
    assert NotStarted("a", "b").problems == ("a", "b")
    assert str(NotStarted("a", "b")) == "a\nb"
