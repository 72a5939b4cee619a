from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.export.rules import Choice, Export, Secret
from gateway.audit.export.targets import Target
from gateway.config.load import read_settings
from gateway.config.sections.export import sent_from
from tests.unit.config.objections import FORWARD, objections, read


def exports(text: str) -> tuple[Export, ...]:
    """The exporters of a configuration whose `audit.export` is this."""
    return read(f"listeners: [{FORWARD}]\naudit: {{export: {text}}}").audit.exports


def test_nothing_is_exported_unless_it_is_said() -> None:
    assert read(f"listeners: [{FORWARD}]").audit.exports == ()
    assert exports("[]") == ()


@pytest.mark.parametrize(
    ("wanted", "written"),
    [
        (Export(name="out", kind="stdout"), "{name: out, kind: stdout}"),
        (
            Export(name="out", kind="stdout", form="cef", choice=Choice(verdict="deny")),
            "{name: out, kind: stdout, format: cef, only: {verdict: deny}}",
        ),
        (
            Export(name="siem", kind="syslog", target=Target("tls", "logs.example", 6514), form="ocsf"),
            '{name: siem, kind: syslog, url: "tls://logs.example", format: ocsf}',
        ),
        (
            Export(name="otel", kind="otlp", target=Target("https", "otel.example", 4318, "/v1/logs"), form="otel"),
            '{name: otel, kind: otlp, url: "https://otel.example:4318"}',
        ),
        (
            Export(name="otel", kind="otlp", target=Target("http", "127.0.0.1", 80, "/otlp/v1/logs"), form="otel"),
            '{name: otel, kind: otlp, url: "http://127.0.0.1/otlp/v1/logs"}',
        ),
        (
            Export(
                name="hook",
                kind="webhook",
                target=Target("https", "hook.example", 443, "/a"),
                choice=Choice(frozenset({"decision", "gap"}), "deny"),
                authorization=Secret(environment="TOKEN"),
                secret=Secret(environment="KEY"),
            ),
            (
                '{name: hook, kind: webhook, url: "https://hook.example/a", '
                "only: {events: [decision, gap], verdict: deny}, "
                "authorization: {environment: TOKEN}, secret: {environment: KEY}}"
            ),
        ),
    ],
)
def test_an_exporter_is_read(wanted: Export, written: str) -> None:
    assert exports(f"[{written}]") == (wanted,)


def test_files_are_found_from_where_the_configuration_lies() -> None:
    text = f"""version: 1
listeners: [{FORWARD}]
audit:
  export:
    - name: hook
      kind: webhook
      url: https://hook.example/
      trust: ca.pem
      secret: {{file: /run/secrets/key}}
      authorization: {{file: token}}
"""

    (export,) = read_settings(text, "w.yaml", Path("/etc/wicketgate")).audit.exports

    assert export.trust == Path("/etc/wicketgate/ca.pem")
    assert export.secret == Secret(file=Path("/run/secrets/key"))
    assert export.authorization == Secret(file=Path("/etc/wicketgate/token"))
    assert sent_from(Path("/x"), (Export(name="out", kind="stdout"),)) == (Export(name="out", kind="stdout"),)


@pytest.mark.parametrize(
    ("objection", "written"),
    [
        ("audit.export[0]: `kind` is missing", "[{name: a}]"),
        ("audit.export[0].kind: `kafka`", "[{name: a, kind: kafka}]"),
        ("audit.export[0]: `url` is missing: `kind: syslog` sends records somewhere", "[{name: a, kind: syslog}]"),
        (
            "audit.export[0]: `url` means nothing to `kind: stdout`, leave it out",
            '[{name: a, kind: stdout, url: "tls://x"}]',
        ),
        (
            "audit.export[0]: `secret` means nothing to `kind: otlp`, leave it out",
            '[{name: a, kind: otlp, url: "https://x", secret: {file: a}}]',
        ),
        (
            "audit.export[0]: `format` means nothing to `kind: otlp`, leave it out",
            '[{name: a, kind: otlp, url: "https://x", format: ecs}]',
        ),
        (
            "audit.export[0]: `authorization` means nothing to `kind: syslog`, leave it out",
            '[{name: a, kind: syslog, url: "tls://x", authorization: {file: a}}]',
        ),
        (
            "audit.export[0]: `trust` is for receivers at `tls://` or `https://`, leave it out",
            '[{name: a, kind: syslog, url: "tcp://x:514", trust: ca.pem}]',
        ),
        (
            "audit.export[0]: `authorization` would go over the network in the open: use `https://`",
            '[{name: a, kind: otlp, url: "http://otel.example", authorization: {file: a}}]',
        ),
        (
            "audit.export[0]: `https://x`: this kind of exporter needs `tls://` or `tcp://`",
            '[{name: a, kind: syslog, url: "https://x"}]',
        ),
        ("audit.export[0].only: one of `events`, `verdict` is missing", "[{name: a, kind: stdout, only: {}}]"),
        ("audit.export[0].only.verdict: `denied`", "[{name: a, kind: stdout, only: {verdict: denied}}]"),
        ("audit.export[0].only.events[0]: `decisions`", "[{name: a, kind: stdout, only: {events: [decisions]}}]"),
        (
            "audit.export[0].authorization: one of `file`, `environment` is missing: a secret has one place",
            '[{name: a, kind: otlp, url: "https://x", authorization: {}}]',
        ),
        (
            "audit.export: the name `a` is taken twice, every exporter has a cursor of its own",
            '[{name: a, kind: stdout}, {name: a, kind: syslog, url: "tls://x"}]',
        ),
        (
            "audit.export: there is one standard output, name one exporter of `kind: stdout`",
            "[{name: a, kind: stdout}, {name: b, kind: stdout}]",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(objection: str, written: str) -> None:
    found = objections(f"listeners: [{FORWARD}]\naudit: {{export: {written}}}")

    assert len(found) == 1
    assert found[0].startswith(objection), found
