"""A reload is all or nothing part by part, and the last good stays."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from addons.serving.composition import Engine, compose
from addons.serving.reloading import CONFIGURATION, Reloading
from gateway.audit.reading.reader import records
from gateway.config.quick import Forward, Reverse, quick_settings
from gateway.config.settings import ReloadSettings, RouteSettings, Settings
from gateway.policy.problems import Invalid, Place, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gateway.control.outcomes import PartOutcome

GOOD = "version: 1\nname: {name}\ndefault: {{action: allow}}\n"
BAD = "version: 1\nnmae: x\n"
PARTS = [("configuration", None), ("policy", "forward"), ("policy", "reverse"), ("authorities", None), ("trust", None)]


@dataclass
class Bench:
    """An engine whose stores were started, its configuration, and what its operator heard."""

    folder: Path
    engine: Engine
    settings: Settings
    said: list[str] = field(default_factory=list)

    def reloading(self) -> Reloading:
        """What reads again; its configuration is the one that the bench holds at that moment."""
        return Reloading(self.engine, self.said.append, lambda: self.settings)

    def write(self, which: str, text: str) -> None:
        (self.folder / f"{which}.yaml").write_text(text, encoding="utf-8")

    def records(self) -> list[dict[str, Any]]:
        """Everything that was recorded; nothing more can be."""
        self.engine.writer.close()
        return [dict(each) for each in records(self.settings.state / "audit")]

    def in_force(self) -> list[str | None]:
        return [each.store.current.policy.name for each in self.engine.listeners]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    for name in ("egress", "shop"):
        (tmp_path / f"{name}.yaml").write_text(GOOD.format(name=name), encoding="utf-8")
    settings = quick_settings(
        forward=Forward(policy=tmp_path / "egress.yaml", listen="127.0.0.1:8080"),
        reverse=Reverse(policy=tmp_path / "shop.yaml", urls=("http://127.0.0.1:8000",), listen="127.0.0.1:8081"),
        state=tmp_path / "state",
    )
    settings.state.mkdir(mode=0o700)
    engine = compose(settings)
    engine.writer.start()
    for each in engine.listeners:
        each.store.start()
    engine.trust.start()
    yield Bench(tmp_path, engine, settings)
    engine.writer.close()
    engine.resolver.close()


def parts(found: tuple[PartOutcome, ...]) -> list[tuple[str, str | None]]:
    return [(each.what, each.listener) for each in found]


def test_every_part_is_read_again_and_named(bench: Bench) -> None:
    bench.write("egress", GOOD.format(name="newer"))

    outcomes = asyncio.run(bench.reloading().reload("order"))

    assert (outcomes.cause, outcomes.kept) == ("order", ())
    assert parts(outcomes.parts) == PARTS
    policy = outcomes.parts[1]
    assert (policy.name, policy.digest) == ("newer", bench.engine.listeners[0].store.current.policy.digest)
    assert bench.in_force() == ["newer", "shop"]
    assert bench.said[0] == "routes and upstreams were read again"


def test_a_policy_that_is_refused_keeps_no_other_part_from_being_taken_up(bench: Bench) -> None:
    bench.write("egress", BAD)
    bench.write("shop", GOOD.format(name="newer"))

    outcomes = asyncio.run(bench.reloading().reload("signal"))

    (kept,) = outcomes.kept
    assert (kept.what, kept.listener, kept.name) == ("policy", "forward", "egress")
    assert kept.digest == bench.engine.listeners[0].store.current.policy.digest
    assert "nmae" in "".join(kept.problems)
    assert bench.in_force() == ["egress", "newer"]
    assert "forward: the new policy is refused, the old one stays in force" in bench.said


def test_a_configuration_that_is_refused_changes_no_route_and_is_on_record(bench: Bench) -> None:
    nowhere = replace(bench.settings.listeners[1], routes=(RouteSettings(upstream="nobody"),))
    bench.settings = replace(bench.settings, listeners=(bench.settings.listeners[0], nowhere))
    before = bench.engine.listeners[1].routes

    outcomes = asyncio.run(bench.reloading().reload("signal"))

    (kept,) = outcomes.kept
    assert kept.what == "configuration"
    assert "`nobody`" in "".join(kept.problems)
    assert bench.engine.listeners[1].routes is before
    (record,) = [each for each in bench.records() if each["event"] == "configuration"]
    assert (record["outcome"], record["problems"]) == ("refused", list(kept.problems))


def test_a_file_that_cannot_be_understood_is_told_with_every_problem(bench: Bench) -> None:
    problems = [Problem(Place("wicketgate.yaml", line, 1), "", f"wrong {line}") for line in (1, 2)]

    def again() -> Settings:
        raise Invalid(problems)

    outcomes = asyncio.run(Reloading(bench.engine, bench.said.append, again).reload("signal"))

    assert [each.problems for each in outcomes.kept] == [tuple(map(str, problems))]
    assert bench.said[1:3] == [str(each) for each in problems]


def test_an_authority_that_is_gone_goes_on_signing(bench: Bench) -> None:
    (bench.settings.state / "ca" / "signing.key").unlink()

    outcomes = asyncio.run(bench.reloading().reload("signal"))

    (kept,) = outcomes.kept
    assert kept.what == "authorities"
    assert "ca: the authority cannot be read again, the old one goes on signing" in bench.said
    assert bench.said[-1] == kept.problems[0]


def test_without_a_configuration_file_there_is_none_to_read(bench: Bench) -> None:
    outcomes = asyncio.run(Reloading(bench.engine, bench.said.append).reload("signal"))

    assert parts(outcomes.parts) == [each for each in PARTS if each[0] != "configuration"]


def test_reloads_run_one_after_the_other(bench: Bench) -> None:
    reloading = bench.reloading()

    async def many() -> None:
        await asyncio.gather(*(reloading.reload("order") for _ in range(5)))

    asyncio.run(many())
    assert [each.partition("(")[0].strip() for each in bench.said] == [
        "routes and upstreams were read again",
        "forward: the policy was read again",
        "reverse: the policy was read again",
    ] * 5


def test_only_what_is_asked_for_is_read(bench: Bench) -> None:
    bench.write("egress", GOOD.format(name="newer"))
    bench.write("shop", GOOD.format(name="newer"))

    outcomes = asyncio.run(bench.reloading().reload("file", frozenset({("policy", "reverse")})))

    assert parts(outcomes.parts) == [("policy", "reverse")]
    assert bench.in_force() == ["egress", "newer"]
    causes = [(each["listener"], each["cause"]) for each in bench.records() if each["event"] == "policy"]
    assert causes == [("forward", "start"), ("reverse", "start"), ("reverse", "file")]


def test_a_policy_that_lies_elsewhere_now_is_read_from_there_though_nothing_else_was_asked_for(bench: Bench) -> None:
    moved = replace(bench.settings.listeners[0], policy=bench.folder / "moved.yaml")
    bench.settings = replace(bench.settings, listeners=(moved, bench.settings.listeners[1]))
    reloading = bench.reloading()

    missing = asyncio.run(reloading.reload("file", frozenset({CONFIGURATION})))

    assert [(each.what, each.state) for each in missing.parts] == [("configuration", "loaded"), ("policy", "kept")]
    assert "moved.yaml" in "".join(missing.parts[1].problems)
    assert bench.in_force() == ["egress", "shop"]
    assert bench.folder / "moved.yaml" in reloading.files()[("policy", "forward")]

    bench.write("moved", GOOD.format(name="moved"))
    asyncio.run(reloading.reload("file", frozenset({("policy", "forward")})))
    assert bench.in_force() == ["moved", "shop"]


def standing(reloading: Reloading) -> dict[str, tuple[str, str, bool]]:
    """Of every part: its state, why it was read, and whether it is kept since some time."""
    found = reloading.data()["parts"]
    return {
        f"{each['what']} {each['listener'] or ''}".strip(): (
            each["state"],
            each["cause"],
            each["kept_since"] is not None,
        )
        for each in found
    }


def test_how_every_part_stands_can_be_asked_at_any_time(bench: Bench) -> None:
    reloading = bench.reloading()
    assert standing(reloading) == {
        "policy forward": ("loaded", "start", False),
        "policy reverse": ("loaded", "start", False),
        "authorities": ("loaded", "start", False),
        "trust": ("loaded", "start", False),
    }

    bench.write("egress", BAD)
    asyncio.run(reloading.reload("order"))

    assert standing(reloading)["policy forward"] == ("kept", "order", True)
    assert standing(reloading)["policy reverse"] == ("loaded", "order", False)
    assert {"what": "policy", "state": "kept", "count": 1} in reloading.data()["counts"]


def test_a_list_that_fell_back_is_kept_and_one_that_is_named_no_more_is_forgotten(bench: Bench) -> None:
    bench.write("ads", "one.example\ntwo.example\n")
    listed = GOOD.format(name="listed") + "lists: {ads: {type: domain, match: is, file: ads.yaml}}\n"
    bench.write("egress", listed)
    reloading = bench.reloading()
    asyncio.run(reloading.reload("signal"))
    assert standing(reloading)["list forward"] == ("loaded", "signal", False)
    assert bench.folder / "ads.yaml" in reloading.files()[("policy", "forward")]

    bench.write("ads", "")
    outcomes = asyncio.run(reloading.reload("file"))
    (kept,) = outcomes.kept
    assert (kept.what, kept.name) == ("list", "ads")
    assert "an empty list is not believed" in "".join(kept.problems)
    assert bench.in_force()[0] == "listed"

    bench.write("egress", GOOD.format(name="bare"))
    asyncio.run(reloading.reload("file"))
    assert "list forward" not in standing(reloading)


def test_whoever_watches_reads_what_has_changed_and_nothing_else(bench: Bench) -> None:
    bench.engine = replace(bench.engine, settings=replace(bench.settings, reload=ReloadSettings(settle=0.01)))
    reloading = bench.reloading()

    async def until(done: Callable[[], bool]) -> None:
        async with asyncio.timeout(15):
            while not done():  # noqa: ASYNC110 - nobody tells a bystander of a reload
                await asyncio.sleep(0.01)

    async def play() -> None:
        watching = asyncio.create_task(reloading.watch())
        bench.write("egress", BAD)
        await until(lambda: standing(reloading)["policy forward"][:2] == ("kept", "file"))
        bench.write("egress", GOOD.format(name="mended"))
        await until(lambda: bench.in_force() == ["mended", "shop"])
        watching.cancel()

    asyncio.run(play())
    assert standing(reloading)["policy reverse"] == ("loaded", "start", False)
    causes = {each["cause"] for each in bench.records() if each["event"] == "policy" and each["listener"] == "forward"}
    assert causes == {"start", "file"}
