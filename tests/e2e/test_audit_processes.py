"""One log and many processes: whoever is killed, no line is torn, no number is missing, nothing passes unrecorded."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.commands import until
from tests.house.sources import ROOT
from tests.unit.audit.logs import whole_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.audit.records.record import Record

pytestmark = pytest.mark.e2e

GONE = "the process that writes the audit log is gone"
NAMES = "abc"


@dataclass(slots=True)
class Process:
    """A process that is spoken to in lines."""

    process: subprocess.Popen[str]

    def say(self, order: str) -> None:
        """Give an order."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{order}\n")
        self.process.stdin.flush()

    def hear(self) -> Any:
        """The next answer."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def ask(self, order: str) -> Any:
        """Give an order, and hear the answer."""
        self.say(order)
        return self.hear()

    def is_well(self) -> bool:
        """Whether a hand's records are accepted."""
        return self.ask("trouble") is None

    def kill(self) -> None:
        """End it as nobody can foresee."""
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """Let it end; its code."""
        self.process.communicate(timeout=30)
        return self.process.returncode


@contextmanager
def process(*arguments: str) -> Iterator[Process]:
    command = [sys.executable, "-m", "tests.e2e.audit_processes", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        yield Process(started)
        started.kill()


@contextmanager
def owner(folder: Path) -> Iterator[Process]:
    with process("owner", str(folder / "audit"), str(folder / "s")) as started:
        assert started.hear() == "ready"
        yield started


@contextmanager
def hands(folder: Path) -> Iterator[dict[str, Process]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(process("hand", name, str(folder / "s"))) for name in NAMES}


def written(found: list[Record]) -> dict[str, dict[int, int]]:
    """By the names of hands: which of their records stand under which number. None stands there twice."""
    by_name: dict[str, dict[int, int]] = {name: {} for name in NAMES}
    for each in found:
        if each["event"] == "note":
            name, number, filling = str(each["cause"]).split()
            assert filling == "x" * 200
            assert int(number) not in by_name[name]
            by_name[name][int(number)] = int(str(each["seq"]))
    for numbers in by_name.values():
        assert list(numbers) == sorted(numbers)
    return by_name


def test_without_the_owner_hands_refuse_and_say_why_and_go_on_with_the_next_one(tmp_path: Path) -> None:
    safe: dict[str, list[tuple[int, int]]] = {name: [] for name in NAMES}
    with ExitStack() as stack:
        first = stack.enter_context(owner(tmp_path))
        working = stack.enter_context(hands(tmp_path))
        for each in working.values():
            each.say("flood")
        for each in working.values():
            assert each.hear() == "flooding"
        first.kill()
        for name, each in working.items():
            answer = each.hear()
            assert set(answer["why"]) == {GONE}
            safe[name] += answer["safe"]
            assert each.ask("trouble") == GONE
            assert each.ask("write 3") == {"safe": [], "why": [GONE] * 3}

        second = stack.enter_context(owner(tmp_path))
        for name, each in working.items():
            until(each.is_well, "the next owner was never found")
            answer = each.ask("write 5")
            assert answer["why"] == []
            safe[name] += answer["safe"]
            assert each.end() == 0
        assert second.end() == 0

    found = whole_log(tmp_path / "audit")
    there = written(found)
    for name, promised in safe.items():
        assert all(there[name][number] == seq for number, seq in promised)
    gaps = [each for each in found if each["event"] == "gap"]
    assert [each["reason"] for each in gaps] == ["write-failed"] * len(NAMES)
    lost = [re.match(r"(\d+) records were on the way", str(each["detail"])) for each in gaps]
    for gap, on_the_way in zip(gaps, lost, strict=True):
        assert int(str(gap["refused"])) >= 3
        assert gap["left_out"] == {"other": gap["refused"]}
        assert on_the_way is None or int(on_the_way[1]) > 0
    accepted = sum(max(numbers) + 1 for numbers in there.values())
    not_there = accepted - sum(map(len, there.values()))
    told = sum(int(str(each["refused"])) for each in gaps) + sum(int(each[1]) for each in lost if each is not None)
    assert not_there <= told


def test_a_hand_that_is_killed_leaves_no_gap_and_disturbs_nobody(tmp_path: Path) -> None:
    with owner(tmp_path) as owning, hands(tmp_path) as working:
        doomed, others = NAMES[0], NAMES[1:]
        working[doomed].say("flood")
        assert working[doomed].hear() == "flooding"
        for name in others:
            working[name].say("write 300")
        working[doomed].kill()
        safe = {name: working[name].hear() for name in others}
        again = {name: working[name].ask("write 20") for name in others}
        assert [working[name].end() for name in others] == [0, 0]
        assert owning.end() == 0

    found = whole_log(tmp_path / "audit")
    there = written(found)
    assert {str(each["event"]) for each in found} == {"note"}
    for name in others:
        assert (safe[name]["why"], again[name]["why"]) == ([], [])
        assert there[name] == dict(safe[name]["safe"] + again[name]["safe"])
        assert len(there[name]) == 320
    assert list(there[doomed]) == list(range(len(there[doomed])))
    assert len(there[doomed]) >= 20


@pytest.mark.parametrize("life", range(3))
def test_an_owner_that_is_killed_again_and_again_keeps_every_promise(life: int, tmp_path: Path) -> None:
    promised: dict[str, dict[int, int]] = {name: {} for name in NAMES}
    with hands_of_many_owners(tmp_path, promised) as rounds:
        for _ in range(2 + life):
            rounds()

    there = written(whole_log(tmp_path / "audit"))
    for name, numbers in promised.items():
        assert {number: there[name][number] for number in numbers} == numbers


@contextmanager
def hands_of_many_owners(folder: Path, promised: dict[str, dict[int, int]]) -> Iterator[Any]:
    """A function that starts an owner, lets all hands flood it, and kills it; `promised` is what hands were told."""
    with ExitStack() as stack:
        working: dict[str, Process] = {}

        def life() -> None:
            with owner(folder) as owning:
                if not working:
                    working.update(stack.enter_context(hands(folder)))
                for each in working.values():
                    until(each.is_well, "the owner was never found")
                    each.say("flood")
                for each in working.values():
                    assert each.hear() == "flooding"
                owning.kill()
                for name, each in working.items():
                    promised[name] |= dict(each.hear()["safe"])

        yield life
