from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli.outcome import CANNOT_DECIDE, FINDINGS, OK, WRONG_USAGE, Unusable
from gateway.cli.policy import main
from gateway.policy.language.schema import policy_schema

POLICIES = Path(__file__).parents[3] / "policies"
KNOWN = ["--client", "10.1.2.3", "--destination", "93.184.216.34"]
POLICY = """
version: 1
default: {action: allow}
groups: {build: {users: [ci]}}
rules:
  - {id: by-method, action: deny, reason: x, when: {method: [PUT]}}
  - {id: by-user, action: deny, reason: x, when: {user: [mallory]}}
  - {id: by-group, action: deny, reason: x, when: {group: [build]}}
  - {id: by-header, action: deny, reason: x, when: {header.x-token: {is: [a b, c]}}}
  - {id: by-size, action: deny, reason: x, when: {request.size: {above: 10MB}}}
  - {id: by-time, action: deny, reason: x, when: {time: {days: sun, zone: UTC}}}
  - {id: by-port, action: deny, reason: x, when: {port: [8443]}}
  - {id: by-protocol, action: deny, reason: x, when: {protocol: [websocket]}}
"""
MONDAY = ["--at", "2026-11-23T10:00:00Z"]


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        (None, []),
        ("by-method", ["--method", "PUT"]),
        ("by-user", ["--user", "mallory"]),
        ("by-group", ["--user", "ci", "--group", "build", "--group", "staff"]),
        ("by-header", ["--header", "X-Token: a b"]),
        ("by-header", ["--header", "X-Token: z", "--header", "X-Token:c"]),
        ("by-size", ["--size", "20MB"]),
        ("by-time", ["--at", "2026-11-22T10:00:00Z"]),
        ("by-port", ["--with", "port=8443"]),
        ("by-protocol", ["--with", "protocol=websocket"]),
        ("builtin-special", ["--destination", "10.0.0.1"]),
    ],
)
def test_every_option_of_a_question_reaches_the_gate(
    rule: str | None, options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "p.yaml"
    policy.write_text(POLICY, "utf-8")
    moment = [] if "--at" in options else MONDAY
    asked = ["explain", "http://example.com/", "--policy", str(policy), "--format", "json", *KNOWN, *moment, *options]

    code = main(asked)

    decision = json.loads(capsys.readouterr().out)["decision"]
    assert (rule, "deny" if rule else "allow") == (decision["rule"], decision["verdict"])
    assert code == (FINDINGS if rule else OK)


def test_without_a_policy_the_shipped_one_of_the_mode_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "http://ads.example/", *KNOWN, *MONDAY]) == FINDINGS
    assert "denied by rule `no-ads`" in capsys.readouterr().out
    assert main(["explain", "http://shop.example/admin", "--mode", "reverse", "--client", "10.1.2.3"]) == FINDINGS
    assert "denied by rule `no-admin`" in capsys.readouterr().out


def test_the_url_may_stand_behind_the_addresses_it_leads_to(capsys: pytest.CaptureFixture[str]) -> None:
    asked = [
        "explain",
        *MONDAY,
        "--client",
        "10.1.2.3",
        "--destination",
        "93.184.216.34",
        "10.0.0.1",
        "http://example.com/",
    ]

    assert main(asked) == FINDINGS
    assert "denied by guardrail `builtin-special`" in capsys.readouterr().out


def test_what_nobody_knows_is_not_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "http://example.com/", "--client", "10.1.2.3", *MONDAY]) == CANNOT_DECIDE
    assert "destination.ip is unknown" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("the URL is missing, write what is asked for, like `https://example.com/`", ["explain"]),
        ("`a` has no `:`, write it like `--header 'Name: value'`", ["explain", "http://e/", "--header", "a"]),
        ("`port` has no `=`, write it like `--with port=8443`", ["explain", "http://e/", "--with", "port"]),
        ("--at: `now` is no moment, write it like `2026-11-23T10:00:00Z`", ["explain", "http://e/", "--at", "now"]),
    ],
)
def test_options_that_make_no_sense_are_refused_with_the_way_out(said: str, arguments: list[str]) -> None:
    with pytest.raises(Unusable) as caught:
        main(arguments)

    assert caught.value.problems == (said,)


@pytest.mark.parametrize("arguments", [[], ["chek"], ["check"], ["check", "--mode", "sideways", "x"], ["test"]])
def test_wrong_usage_is_answered_in_a_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)

    assert left.value.code == WRONG_USAGE
    said = capsys.readouterr().err
    assert said.startswith("wicketgate policy")
    assert said.count("\n") == 1


def test_the_schema_is_printed_for_editors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == OK
    assert json.loads(capsys.readouterr().out) == policy_schema()


def test_check_and_test_take_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(POLICIES / "corporate.yaml"), str(POLICIES / "deny-by-default.yaml")]) == OK
    assert capsys.readouterr().out.count(": fine, forward, ") == 2
    assert main(["test", "--format", "json", str(POLICIES / "corporate.cases.yaml")]) == OK
    assert json.loads(capsys.readouterr().out)["files"][0]["passed"] is True
