"""A gateway with exporters: what arrives is its log, from its start to its stop, and no request waits for it."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.e2e.commands import COMMAND, PATIENCE, free_port, until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import RecordingOrigin
from tests.e2e.receivers import rsyslog
from tests.e2e.wire import get

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

POLICY: Final = """
version: 1
name: exported
default: {action: allow}
unsafe_destinations: [127.0.0.0/8]
rules:
  - {id: closed, action: deny, reason: Closed, when: {path: {prefix: [/closed]}}}
"""
NAMES: Final = {".open.example": ["127.0.0.1"]}
A_FEW: Final = 30


@pytest.fixture(name="origin", scope="module")
def _origin() -> Iterator[RecordingOrigin]:
    with RecordingOrigin() as server:
        yield server


def ask(proxy: Gateway, origin: RecordingOrigin, path: str) -> int:
    """The status of one request through the proxy."""
    authority = f"a.open.example:{origin.port}"
    with proxy.through() as wire:
        return wire.ask(get(f"http://{authority}{path}", authority)).status


def _ends(proxy: Gateway) -> int:
    return sum(each["event"] == "end" for each in proxy.records())


def without_log(text: str) -> dict[str, Any]:
    """An exported record, as it stands in the log."""
    found: dict[str, Any] = json.loads(text)
    assert found.pop("log")
    return found


def test_the_standard_output_is_the_log_from_its_start_to_its_stop(tmp_path: Path, origin: RecordingOrigin) -> None:
    settings = {"audit": {"export": [{"name": "console", "kind": "stdout"}]}}
    with gateway(tmp_path, forward=POLICY, names=NAMES, settings=settings) as proxy:
        assert [ask(proxy, origin, path) for path in ("/", "/closed")] == [200, 403]

    records = [without_log(line) for line in proxy.process.out]
    assert records == proxy.records()
    assert (records[-1]["event"], len(records) > 5) == ("stop", True)


def test_only_what_is_chosen_is_sent_in_the_words_that_were_asked_for(tmp_path: Path, origin: RecordingOrigin) -> None:
    export = {"name": "console", "kind": "stdout", "only": {"verdict": "deny"}, "format": "cef"}
    with gateway(tmp_path, forward=POLICY, names=NAMES, settings={"audit": {"export": [export]}}) as proxy:
        assert [ask(proxy, origin, path) for path in ("/", "/closed", "/")] == [200, 403, 200]

    (line,) = proxy.process.out
    assert line.startswith("CEF:0|Wicketgate|Wicketgate|")
    assert " act=deny outcome=403 reason=rule-deny " in line


def test_a_dead_receiver_costs_requests_nothing_and_gets_everything_when_it_is_back(
    tmp_path: Path, origin: RecordingOrigin
) -> None:
    """Nothing of the gateway holds a record for it: all are on the disk, and only there."""
    with rsyslog(tmp_path / "rsyslog") as receiver:
        receiver.kill()
        url = f"tcp://127.0.0.1:{receiver.port}"
        settings = {"audit": {"export": [{"name": "siem", "kind": "syslog", "url": url}]}}
        with gateway(tmp_path, forward=POLICY, names=NAMES, settings=settings) as proxy:
            proxy.process.wait_for("exporter `siem`", proxy.process.err)
            assert {ask(proxy, origin, "/") for _ in range(A_FEW)} == {200}
            until(lambda: _ends(proxy) == A_FEW, "the log does not grow")
            assert receiver.taken() == []
            receiver.start()
            proxy.process.wait_for("records are sent again", proxy.process.err)
        taken = receiver.taken()

    assert [without_log(text) for _, _, text in taken] == proxy.records()
    assert [seq for _, seq, _ in taken] == list(range(1, len(taken) + 1))
    said = [line for line in proxy.process.err if "siem" in line]
    wait = "records wait in the log until it works again"
    assert said == [
        f"wicketgate: audit: exporter `siem`: `{url}`: connection refused; {wait}\n",
        "wicketgate: audit: exporter `siem`: records are sent again\n",
    ]


def test_an_exporter_whose_secret_is_not_there_keeps_the_gateway_from_starting(tmp_path: Path) -> None:
    hook = {"name": "hook", "kind": "webhook", "url": "https://127.0.0.1:1/", "secret": {"file": "gone"}}
    listener = {"name": "egress", "mode": "forward", "bind": f"127.0.0.1:{free_port()}", "policy": "p.yaml"}
    settings = {"version": 1, "state": "state", "listeners": [listener], "audit": {"export": [hook]}}
    (tmp_path / "p.yaml").write_text(POLICY, encoding="utf-8")
    (tmp_path / "w.yaml").write_text(json.dumps(settings), encoding="utf-8")

    run = subprocess.run(
        [COMMAND, "run", "--config", "w.yaml"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )

    assert run.returncode == 2
    assert "audit: exporter `hook`: the file `gone` cannot be read: no such file or directory" in run.stderr
