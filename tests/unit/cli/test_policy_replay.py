from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit.records.events import start_record
from gateway.cli.outcome import CANNOT_DECIDE, FINDINGS, OK, Unusable
from gateway.cli.policy import main
from gateway.policy.model import Reason, refuse
from gateway.policy.names import Host
from tests.unit.cli.logged import write_log
from tests.unit.replay.made import NOW, compiled, exchange, plain, traffic

if TYPE_CHECKING:
    from pathlib import Path

OPEN = "default: {action: allow}\n"
NO_SITE = OPEN + "rules: [{id: no, action: deny, reason: No, when: {host: {is: [site.example]}}}]\n"
NO_BOTS = OPEN + "rules: [{id: no, action: deny, reason: No, when: {header.user-agent: {is: [bot]}, port: [80]}}]\n"


def _replay(folder: Path, policy: str, *options: str, records: list[dict[str, Any]] | None = None) -> int:
    path = folder / "new.yaml"
    path.write_text(f"version: 1\nname: new\n{policy}", "utf-8")
    given = traffic(compiled(OPEN)[0], plain(), plain(host=Host.parse("b.example"))) if records is None else records
    log = write_log(folder, given)
    return main(["replay", "--policy", str(path), "--log", str(log), *options])


def test_nothing_that_changes_is_fine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _replay(tmp_path, OPEN) == OK
    assert "  2 stay as they are" in capsys.readouterr().out


def test_what_changes_is_told_with_hosts_clients_and_examples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _replay(tmp_path, NO_SITE) == FINDINGS
    lines = capsys.readouterr().out.splitlines()

    at = lines.index("now denied: 1 request, allow (allowed-by-default) -> deny by no")
    assert lines[at + 1].startswith("  host site.example: 1, like 0")
    assert lines[at + 2].startswith("  client 10.1.2.3: 1, like 0")
    assert "note: lists are those of today, not those of the time" in lines


def test_what_cannot_be_told_says_for_want_of_what(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _replay(tmp_path, NO_BOTS, "--format", "json") == CANNOT_DECIDE
    told = json.loads(capsys.readouterr().out)

    (group,) = told["groups"]
    assert (group["change"], group["after"], group["missing"], group["open"]) == (
        "cannot_tell",
        None,
        ["header"],
        ["no"],
    )
    assert told["changes"] == {"now_allowed": 0, "now_denied": 0, "otherwise": 0, "cannot_tell": 2}
    assert any("asks for `header`" in note for note in told["notes"])


def test_the_text_says_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _replay(tmp_path, NO_BOTS) == CANNOT_DECIDE
    assert "cannot tell, because `header` is not on record: 2 requests" in capsys.readouterr().out


def test_limits_say_that_their_counters_began_at_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = "limits: [{id: one, key: [client.ip], rate: 1/h, burst: 1}, {id: keyed, key: [header.x-a], rate: 1/h}]\n"

    assert _replay(tmp_path, OPEN + limits) == FINDINGS
    told = capsys.readouterr().out
    assert "deny by one" in told
    assert "by limits, whose counters began at zero" in told
    assert "limit `keyed` was not counted wherever `header` is not on record" in told


def test_what_no_policy_decided_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failed = exchange(plain(), refuse(Reason.UPSTREAM_UNRESOLVED))
    records = [*traffic(compiled(OPEN)[0], plain()), *failed]

    assert _replay(tmp_path, OPEN, records=records) == OK
    assert "left out, for no policy decided them: upstream-unresolved 1" in capsys.readouterr().out


def test_an_answer_about_nothing_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="holds no decision"):
        _replay(tmp_path, OPEN, records=exchange(plain(), refuse(Reason.UPSTREAM_UNRESOLVED)))


def test_traffic_of_another_time_is_no_traffic(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="holds no decision"):
        _replay(tmp_path, OPEN, "--until", "2020-01-01T00:00:00Z")


def test_the_gateways_own_listeners_are_no_destination(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start = start_record(version="1", engine="mitmproxy", listeners=["egress forward 93.184.216.34:80"], now=NOW)
    records = [start, *traffic(compiled(OPEN)[0], plain())]

    assert _replay(tmp_path, OPEN, records=records) == FINDINGS
    assert "deny by builtin-special" in capsys.readouterr().out


def test_the_text_is_cut_and_the_count_of_the_rest_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hosts = [plain(host=Host.parse(f"h{number}.example")) for number in range(7)]

    assert _replay(tmp_path, "default: {action: deny}\n", records=traffic(compiled(OPEN)[0], *hosts)) == FINDINGS
    assert "  and 2 hosts more" in capsys.readouterr().out
