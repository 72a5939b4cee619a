from __future__ import annotations

import pytest

from gateway.config.settings import AuditSettings
from tests.unit.config.objections import FORWARD, objections, read


def test_what_is_not_said_is_careful() -> None:
    settings = read(f"listeners: [{FORWARD}]\n").audit

    assert settings == AuditSettings()
    assert (settings.durability, settings.on_failure, settings.reserve) == ("batched", "closed", 1024 * 1024)
    assert (settings.compress, settings.retain) == (True, {})


def test_every_key_has_its_place() -> None:
    audit = """
audit:
  durability: sync
  on_failure: deny_only
  reserve: 4MiB
  rotate: {size: 64MiB, age: 6h}
  retain: {allow: 180d, deny: 365d, end: 30d}
  compress: false
"""

    assert read(f"listeners: [{FORWARD}]\n{audit}").audit == AuditSettings(
        durability="sync",
        on_failure="deny_only",
        reserve=4 * 1024 * 1024,
        segment_size=64 * 1024 * 1024,
        segment_age=6 * 3600.0,
        retain={"allow": 180 * 86_400.0, "deny": 365 * 86_400.0, "end": 30 * 86_400.0},
        compress=False,
    )


def test_half_a_rotation_leaves_the_other_half_as_it_is() -> None:
    settings = read(f"listeners: [{FORWARD}]\naudit: {{rotate: {{age: 1h}}}}").audit

    assert (settings.segment_size, settings.segment_age) == (AuditSettings().segment_size, 3600.0)


@pytest.mark.parametrize(
    ("said", "audit"),
    [
        ("audit.export[0]: `name` is missing, here belongs a name, like `siem`", "export: [{kind: stdout}]"),
        ("audit.retain: unknown key `denies`, did you mean `deny`?", "retain: {denies: 1d}"),
        ("audit.retain.allow: files of the log live for at least `1min`", "retain: {allow: 1s}"),
        ("audit.rotate.age: files of the log live for at least `1min`", "rotate: {age: 59s}"),
        (
            "audit.rotate.size: 1000 bytes are too small for a file of the log, write at least `64KiB`",
            "rotate: {size: 1kB}",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(said: str, audit: str) -> None:
    assert [said] == objections(f"listeners: [{FORWARD}]\naudit: {{{audit}}}")


@pytest.mark.parametrize("key", ["durability", "on_failure"])
def test_words_that_mean_nothing_are_refused(key: str) -> None:
    said = objections(f"listeners: [{FORWARD}]\naudit: {{{key}: perhaps}}")

    assert len(said) == 1
    assert f"audit.{key}" in said[0]
    assert "`perhaps`" in said[0]
