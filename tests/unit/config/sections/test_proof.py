from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.export.rules import Anchorage, Secret
from gateway.audit.export.targets import Target
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


def test_anchors_are_reached_over_the_network_as_exporters_are() -> None:
    text = f"""
version: 1
listeners: [{FORWARD}]
proof:
  anchors:
    - {{syslog: "tls://logs.example", trust: ca.pem}}
    - {{webhook: "https://hooks.example/anchor?a=1", secret: {{environment: HOOK}}, authorization: {{file: token}}}}
    - {{file: a}}
"""
    base = Path("/etc/wicketgate")

    proof = read_settings(text, "w.yaml", base).proof

    syslog = Anchorage(kind="syslog", target=Target("tls", "logs.example", 6514), trust=base / "ca.pem")
    webhook = Anchorage(
        kind="webhook",
        target=Target("https", "hooks.example", 443, "/anchor?a=1"),
        secret=Secret(environment="HOOK"),
        authorization=Secret(base / "token"),
    )
    assert proof.anchors == (syslog, webhook, base / "a")
    assert proof.reached == (syslog, webhook)
    assert list(map(str, proof.reached)) == [
        "anchor `syslog tls://logs.example:6514`",
        "anchor `webhook https://hooks.example:443/anchor`",
    ]


@pytest.mark.parametrize(
    ("objection", "proof"),
    [
        ("proof.heartbeat: a sign of life comes at most once a second, write at least `1s`", "{heartbeat: 10ms}"),
        ("proof.anchors[0]: ", "{anchors: [{}]}"),
        ("proof.anchors[0]: ", '{anchors: [{file: a, syslog: "tcp://b:514"}]}'),
        ("proof.anchors[0]: `https://b`: this kind of", '{anchors: [{syslog: "https://b"}]}'),
        ("proof.anchors[0]: `tls://b`: this kind of", '{anchors: [{webhook: "tls://b"}]}'),
        ("proof.anchors[0]: `tcp://b`: say the port", '{anchors: [{syslog: "tcp://b"}]}'),
        ("proof.anchors[0]: user and password do not belong", '{anchors: [{webhook: "https://a:b@c"}]}'),
        ("proof.anchors[0]: `secret` means nothing to `syslog`", '{anchors: [{syslog: "tls://b", secret: {file: s}}]}'),
        ("proof.anchors[0]: `trust` means nothing to `file`, leave it out", "{anchors: [{file: a, trust: b}]}"),
        ("proof.anchors[0]: `trust` is for receivers at", '{anchors: [{syslog: "tcp://b:514", trust: c}]}'),
        (
            "proof.anchors[0]: `authorization` would go over the network in the open",
            '{anchors: [{webhook: "http://b", authorization: {file: s}}]}',
        ),
        ("proof: unknown key `anchor`, did you mean `anchors`?", "{anchor: []}"),
    ],
)
def test_what_makes_no_sense_is_refused(objection: str, proof: str) -> None:
    assert any(each.startswith(objection) for each in objections(f"listeners: [{FORWARD}]\nproof: {proof}"))
