from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.export.rules import Secret
from gateway.audit.export.targets import Target
from gateway.config.load import read_settings
from gateway.config.settings import TraceSettings
from tests.unit.config.objections import FORWARD, objections, read


def test_there_are_no_traces_unless_a_collector_is_named() -> None:
    assert read(f"listeners: [{FORWARD}]").traces is None


def test_a_collector_needs_a_place_and_nothing_else() -> None:
    traces = read(f'listeners: [{FORWARD}]\ntraces: {{endpoint: "http://127.0.0.1:4318"}}').traces

    assert traces == TraceSettings(target=Target("http", "127.0.0.1", 4318, "/v1/traces"))
    assert (traces.sample, traces.parent, traces.inject, traces.service) == (1.0, "trusted", "reverse", "wicketgate")


def test_files_are_found_from_where_the_configuration_lies() -> None:
    text = (
        f'version: 1\nlisteners: [{FORWARD}]\ntraces: {{endpoint: "https://c.example/otlp", sample: 10%, parent: all, '
        "inject: both, service: edge, trust: t.pem, authorization: {file: token}}"
    )

    assert read_settings(text, "w.yaml", Path("/etc/gw")).traces == TraceSettings(
        target=Target("https", "c.example", 443, "/otlp"),
        sample=0.1,
        parent="all",
        inject="both",
        service="edge",
        trust=Path("/etc/gw/t.pem"),
        authorization=Secret(Path("/etc/gw/token")),
    )


@pytest.mark.parametrize(
    ("objection", "traces"),
    [
        ("traces: `endpoint` is missing", "{}"),
        ("traces: user and password do not belong into a URL", "{endpoint: 'https://u:hunter2@c.example'}"),
        ("traces: spans say who asked for what", "{endpoint: 'http://c.example:4318'}"),
        ("traces: `trust` is for receivers at", "{endpoint: 'http://127.0.0.1:4318', trust: t.pem}"),
        ("traces.sample: `200%` is no share", "{endpoint: 'https://c.example', sample: 200%}"),
        ("traces.parent: ", "{endpoint: 'https://c.example', parent: everybody}"),
        ("traces.inject: ", "{endpoint: 'https://c.example', inject: forward}"),
        ("traces: unknown key `headers`", "{endpoint: 'https://c.example', headers: {}}"),
        ("traces.authorization: ", "{endpoint: 'https://c.example', authorization: {file: a, environment: B}}"),
    ],
)
def test_what_makes_no_sense_is_refused(objection: str, traces: str) -> None:
    found = objections(f"listeners: [{FORWARD}]\ntraces: {traces}")

    assert any(each.startswith(objection) for each in found), found
    assert not any("hunter2" in each for each in found)
