"""What is owed to the set of a later start, and what keeps it from being kept."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from addons.serving.keeping import Keeping
from gateway.config.load import load_settings
from gateway.config.settings import LimitSettings
from gateway.control.inforce import read_set
from gateway.control.outcomes import PartOutcome

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.config.settings import Settings

_TEXT = "version: 1\nstate: state\nlisteners: [{name: shop, mode: forward, bind: 127.0.0.1:8443, policy: shop.yaml}]\n"
_CONFIGURATION = PartOutcome(what="configuration", state="loaded")
_POLICY = PartOutcome(what="policy", state="loaded", listener="shop")
_TRUST = PartOutcome(what="trust", state="loaded")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "wicketgate.yaml").write_text(_TEXT, encoding="utf-8")
    (tmp_path / "shop.yaml").write_text("first", encoding="utf-8")
    (tmp_path / "state").mkdir()
    return load_settings(tmp_path / "wicketgate.yaml")


def _keep(keeping: Keeping, settings: Settings, *parts: PartOutcome) -> str | None:
    """The policy that a start would find after these parts were read."""
    keeping.note(parts, time.time() + 60, settings)
    policy = settings.listeners[0].policy
    asyncio.run(keeping.keep({("policy", "shop"): (policy,), ("trust", None): ()}, settings))
    kept = read_set(settings.state)
    return None if kept is None else kept.find("policy:shop", policy).read_text("utf-8")


def test_what_was_taken_up_is_kept_and_what_was_refused_is_not(settings: Settings) -> None:
    keeping, policy = Keeping(settings, print), settings.listeners[0].policy

    assert _keep(keeping, settings, _CONFIGURATION, _POLICY, _TRUST) == "first"
    policy.write_text("refused", encoding="utf-8")
    assert _keep(keeping, settings, replace(_POLICY, state="kept"), _TRUST) == "first"
    policy.write_text("second", encoding="utf-8")
    assert _keep(keeping, settings, _POLICY) == "second"


def test_a_configuration_of_which_something_waits_is_not_kept(settings: Settings) -> None:
    said: list[str] = []
    other = replace(settings, limits=LimitSettings(connections=7))

    assert [_keep(Keeping(other, said.append), settings, _CONFIGURATION, _POLICY, _TRUST) for _ in range(2)] == [
        None
    ] * 2
    assert set(said) == {
        "what is in force was not kept for a later start: `configuration` is in force, and was not kept"
    }


def test_what_came_from_the_set_is_not_owed_to_it(settings: Settings) -> None:
    keeping = Keeping(settings, print)
    keeping.note([_CONFIGURATION, _POLICY, _TRUST], time.time() + 60, settings)
    keeping.forget()

    assert _keep(keeping, settings) is None
