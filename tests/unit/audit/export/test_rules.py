from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.export.rules import Choice, Export, Secret, as_text, from_text
from gateway.audit.export.targets import Target

DENIED: dict[str, object] = {"event": "decision", "decision": {"verdict": "deny"}}
ALLOWED: dict[str, object] = {"event": "decision", "decision": {"verdict": "allow"}}
START: dict[str, object] = {"event": "start"}


@pytest.mark.parametrize(
    ("taken", "choice"),
    [
        ([DENIED, ALLOWED, START], Choice()),
        ([DENIED], Choice(verdict="deny")),
        ([ALLOWED], Choice(verdict="allow")),
        ([START], Choice(frozenset({"start", "stop"}))),
        ([DENIED, START], Choice(frozenset({"start", "decision"}), "deny")),
        ([START], Choice(frozenset({"start"}), "deny")),
    ],
)
def test_a_choice_takes_kinds_and_of_decisions_a_verdict(taken: list[object], choice: Choice) -> None:
    assert taken == [each for each in (DENIED, ALLOWED, START) if choice.takes(each)]


def test_exporters_cross_the_border_of_processes_as_they_are() -> None:
    exports = (
        Export(name="console", kind="stdout"),
        Export(
            name="hook",
            kind="webhook",
            target=Target("https", "::1", 443, "/a?b=c"),
            form="cef",
            choice=Choice(frozenset({"gap", "decision"}), "deny"),
            trust=Path("/etc/ca.pem"),
            secret=Secret(file=Path("/etc/secret")),
            authorization=Secret(environment="TOKEN"),
        ),
    )

    assert exports == from_text(as_text(exports))
    assert "\n" not in as_text(exports)


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        ("the file `/etc/secret`", Secret(file=Path("/etc/secret"))),
        ("the variable `TOKEN`", Secret(environment="TOKEN")),
    ],
)
def test_a_secret_says_where_it_is(said: str, secret: Secret) -> None:
    assert said == str(secret)


def test_an_exporter_is_known_by_its_name() -> None:
    assert str(Export(name="siem", kind="stdout")) == "exporter `siem`"
