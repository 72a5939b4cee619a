from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.load import read_settings
from gateway.config.settings import ProofSettings
from tests.unit.config.objections import FORWARD, objections, read


def test_a_log_is_proved_unless_it_is_said_otherwise() -> None:
    assert read(f"listeners: [{FORWARD}]").proof == ProofSettings(enabled=True, heartbeat=300.0, anchors=())
    assert read(f"listeners: [{FORWARD}]\nproof: {{enabled: false}}").proof.enabled is False


def test_anchors_are_files_found_from_where_the_configuration_lies() -> None:
    text = f"version: 1\nlisteners: [{FORWARD}]\nproof: {{heartbeat: 1min, anchors: [{{file: a}}, {{file: /mnt/b}}]}}"

    proof = read_settings(text, "w.yaml", Path("/etc/wicketgate")).proof

    assert proof == ProofSettings(heartbeat=60.0, anchors=(Path("/etc/wicketgate/a"), Path("/mnt/b")))


@pytest.mark.parametrize(
    ("objection", "proof"),
    [
        ("proof.heartbeat: a sign of life comes at most once a second, write at least `1s`", "{heartbeat: 10ms}"),
        ("proof.anchors[0]: `file` is missing", "{anchors: [{}]}"),
        ("proof.anchors[0]: `syslog` is not supported yet, leave it out", "{anchors: [{file: a, syslog: b}]}"),
        ("proof: unknown key `anchor`, did you mean `anchors`?", "{anchor: []}"),
    ],
)
def test_what_makes_no_sense_is_refused(objection: str, proof: str) -> None:
    assert any(each.startswith(objection) for each in objections(f"listeners: [{FORWARD}]\nproof: {proof}"))
