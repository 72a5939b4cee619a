"""From a complaint to the rule and the line: the log of a real gateway, read with the installed command.

In one command, `wicketgate why`; in two, `audit top blocked` and `audit show`. And a log that grows, turns over and is
compressed while somebody follows it.
"""

from __future__ import annotations

import json
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.commands import COMMAND, PATIENCE, until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import RecordingOrigin
from tests.e2e.wire import Answer, get

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

POLICY = """version: 1
name: office
default: {action: allow}
unsafe_destinations: [127.0.0.0/8]
rules:
  - {id: no-ads, action: deny, reason: Advertising, when: {host: {under: [ads.example]}}}
  - {id: no-admin, action: deny, reason: Not for you, when: {path: {prefix: [/admin]}}}
"""
NAMES = {".example": ["127.0.0.1"]}


@pytest.fixture
def origin() -> Iterator[RecordingOrigin]:
    with RecordingOrigin() as server:
        yield server


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Gateway]:
    with gateway(tmp_path, forward=POLICY, names=NAMES) as running:
        yield running


def said(folder: Path, *arguments: str) -> tuple[int, str]:
    """What the installed command answers, run in the folder of the gateway."""
    done = subprocess.run(
        [COMMAND, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def programs(folder: Path, *arguments: str) -> tuple[int, Any]:
    code, out = said(folder, *arguments, "--format", "json")
    return code, json.loads(out)


def refused(proxy: Gateway, host: str, path: str = "/") -> str:
    """Ask for what is refused; the decision id that the client is told, when it is on record."""
    answer = denial(proxy, host, path)
    proxy.decision(answer)
    return answer.decision


def denial(proxy: Gateway, host: str, path: str = "/") -> Answer:
    """Ask for what is refused."""
    with proxy.through() as wire:
        answer = wire.ask(get(f"http://{host}{path}", host))
    assert answer.status == 403
    return answer


def test_two_commands_lead_from_a_complaint_to_the_rule_and_its_line(proxy: Gateway) -> None:
    log = ("--log", "state/audit")
    refused(proxy, "other.example", "/admin")
    decision = [refused(proxy, "x.ads.example") for _ in range(3)][-1]

    code, top = programs(proxy.folder, "audit", "top", "blocked", "--by", "host", "--since", "1h", *log)
    assert code == 0
    assert [(row["value"], row["count"]) for row in top["rows"]] == [("x.ads.example", 3), ("other.example", 1)]
    assert top["rows"][0]["last"] == decision

    code, shown = said(proxy.folder, "audit", "show", decision, *log)
    assert code == 0
    assert "  decided by rule `no-ads` at forward.yaml:6" in shown.splitlines()


def test_one_command_leads_from_a_complaint_to_the_rule_its_line_and_the_way_out(proxy: Gateway) -> None:
    decision = refused(proxy, "x.ads.example", "/banner?token=s3cret")

    for asked in ("ads.example", "http://x.ads.example/banner", decision):
        code, found = programs(proxy.folder, "why", asked, "--client", "127.0.0.1", "--state", "state")
        assert (code, found["record"]["id"], found["reason"]) == (0, decision, "rule-deny")
        assert found["record"]["decision"]["place"] == "forward.yaml:6"
        assert (found["now"]["decision"]["verdict"], found["now"]["decision"]["rule"]) == ("deny", "no-ads")
        assert "s3cret" not in json.dumps(found)

    policy = proxy.folder / "forward.yaml"
    policy.write_text(POLICY + found["advice"]["yaml"] + "\n", encoding="utf-8")
    _, unresolved = programs(proxy.folder, "why", decision, "--state", "state")
    assert unresolved["now"]["decision"]["unknown"] == ["destination.ip"]
    _, lifted = programs(proxy.folder, "why", decision, "--state", "state", "--destination", "127.0.0.1")
    assert (lifted["now"]["decision"]["verdict"], lifted["now"]["decision"]["waived"]) == (
        "allow",
        [{"rule": "no-ads", "exception": "let-x-ads-example"}],
    )
    assert said(proxy.folder, "why", "fine.example", "--state", "state")[0] == 1


def test_what_is_let_through_and_fails_is_explained_too(proxy: Gateway, origin: RecordingOrigin) -> None:
    port = origin.port
    with proxy.through() as wire:
        assert wire.ask(get(f"http://a.example:{port}/", f"a.example:{port}")).status == 200
    proxy.wait_for(lambda each: each["event"] == "end")

    code, counted = programs(proxy.folder, "audit", "stats", "--host", "a.example", "--log", "state/audit")
    assert (code, counted["verdicts"], counted["statuses"]) == (0, {"allow": 1}, {"200": 1})
    assert counted["bytes"]["down"] > 0
    assert said(proxy.folder, "why", "a.example", "--state", "state")[0] == 1


def test_a_log_is_followed_over_rotation_and_compression(tmp_path: Path) -> None:
    settings = {"audit": {"rotate": {"size": "64KiB"}}}
    with gateway(tmp_path, forward=POLICY, names=NAMES, settings=settings, whole=False) as proxy:
        log = proxy.state / "audit"
        first = denial(proxy, "x.ads.example").decision
        follow = [
            COMMAND,
            "audit",
            "tail",
            "-f",
            "-n",
            "1",
            "--event",
            "decision",
            "--format",
            "json",
            "--log",
            str(log),
        ]
        with following(follow) as seen:
            until(lambda: seen == [first], "the newest record never came")
            asked = [denial(proxy, f"h{number}.ads.example").decision for number in range(120)]
            until(lambda: any(log.glob("*.jsonl.zst")), "no segment was compressed")
            asked.append(denial(proxy, "last.ads.example").decision)
            until(lambda: len(seen) > len(asked), "a record was lost")
        assert seen == [first, *asked]
        _, found = programs(tmp_path, "audit", "top", "blocked", "--by", "rule", "--log", str(log))
        assert [(row["value"], row["count"]) for row in found["rows"]] == [("no-ads", 122)]


def test_a_pipe_that_closes_ends_it_quietly(proxy: Gateway) -> None:
    for _ in range(3):
        refused(proxy, "x.ads.example")
    for verb in ("grep", "export", "top all", "stats"):
        line = f"set -o pipefail; {COMMAND} audit {verb} --log state/audit | true"
        done = subprocess.run(["bash", "-c", line], cwd=proxy.folder, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), verb


@contextmanager
def following(command: list[str]) -> Iterator[list[str]]:
    """The ids that a command prints, one record a line, while it runs in this block."""
    seen: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as tail:
        reader = threading.Thread(target=_collect, args=(tail, seen))
        reader.start()
        try:
            yield seen
        finally:
            tail.terminate()
            reader.join(PATIENCE)


def _collect(tail: subprocess.Popen[str], seen: list[str]) -> None:
    for line in tail.stdout or ():
        seen.append(json.loads(line)["id"])  # noqa: PERF401 - each is there for the other thread as soon as it came
