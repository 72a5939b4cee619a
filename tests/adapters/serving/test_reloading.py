"""A reload is all or nothing part by part, and the last good stays."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from addons.serving.composition import Engine, compose
from addons.serving.reloading import Reloading
from gateway.audit.reading.reader import records
from gateway.config.quick import Forward, Reverse, quick_settings
from gateway.config.settings import RouteSettings, Settings
from gateway.policy.problems import Invalid, Place, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.control.outcomes import PartOutcome

GOOD = "version: 1\nname: {name}\ndefault: {{action: allow}}\n"
BAD = "version: 1\nnmae: x\n"
PARTS = [("policy", "forward"), ("policy", "reverse"), ("configuration", None), ("authorities", None), ("trust", None)]


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
    policy = outcomes.parts[0]
    assert (policy.name, policy.digest) == ("newer", bench.engine.listeners[0].store.current.policy.digest)
    assert bench.in_force() == ["newer", "shop"]
    assert bench.said[-1] == "routes and upstreams were read again"


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
    assert bench.said[-2:] == [str(each) for each in problems]


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
        "forward: the policy was read again",
        "reverse: the policy was read again",
        "routes and upstreams were read again",
    ] * 5
